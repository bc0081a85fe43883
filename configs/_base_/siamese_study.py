# Settings of the studies of SimSiam's variants: data set, schedules and metrics.
# Select them by --cfg-options images=stl10 recipe=r18_lr003_1000e.
_base_ = "models/siamese_variants.py"

_num_images = dict(
    cifar10=50_000,
    cifar100=50_000,
    stl10=100_000,
    tiny_imagenet=100_000,
    imagenet100=130_000,  # at most
    imagenet=1_281_167,
)
# solo-learn's, with whose fork arXiv:2203.16262 was probably trained; SimSiam's for CIFAR-10
# (arXiv:2011.10566, appendix D) and for ImageNet (section 3), which images of 224 px take.
_families = dict(
    lr05=dict(lr=0.5, decay=1e-5, batch=256, layers=3, last_bn=False, crop=0.08),
    lr003=dict(lr=0.06, decay=5e-4, batch=512, layers=2, last_bn=True, crop=0.2),
    lr005=dict(lr=0.1, decay=1e-4, batch=512, layers=3, last_bn=True, crop=0.2),
)


def _schedule(family, lr):
    cosine = dict(type="CosineAnnealingLR", by_epoch=True, convert_to_iter_based=True)
    if family != "lr05":
        return [cosine]
    warm_up = dict(type="LinearLR", start_factor=0.003 / lr, by_epoch=True, begin=0, end=10)
    return [dict(warm_up, convert_to_iter_based=True), dict(cosine, begin=10)]


def _recipe(depth, family, epochs):
    """What changes in a config of SimSiam on the same images."""
    figures = _families[family]
    lr, last_bn = figures["lr"], figures["last_bn"]
    return dict(
        model=dict(
            backbone=dict(depth=depth),
            neck=dict(
                in_channels={18: 512, 50: 2048}[depth],
                num_layers=figures["layers"],
                with_last_bn=last_bn,
                with_last_bias=not last_bn,
            ),
        ),
        data_preprocessor=dict(common=dict(crop_scale=(figures["crop"], 1.0))),
        train_dataloader=dict(batch_size=figures["batch"]),
        optim_wrapper=dict(optimizer=dict(lr=lr, weight_decay=figures["decay"])),
        param_scheduler=_schedule(family, lr),
        train_cfg=dict(max_epochs=epochs),
        default_hooks=dict(
            predictor_lr=dict(lr=lr), knn=dict(interval={200: 20, 1000: 50}[epochs])
        ),
    )


images = "cifar100"  # also cifar10, stl10, tiny_imagenet, imagenet100, imagenet
if images not in _num_images:
    raise ValueError(f"images={images}: choose one of {', '.join(_num_images)}")
num_images = _num_images[images]
_own = dict(imagenet="simsiam_r50_imagenet_lr005_200e")
base = f"configs/simsiam_decomp/{_own.get(images, f'simsiam_r18_{images}_lr05_200e')}.py"
recipes = {
    f"r{depth}_{family}_{epochs}e": _recipe(depth, family, epochs)
    for depth in (18, 50)
    for family in ("lr05", "lr005" if images.startswith("imagenet") else "lr003")
    for epochs in (200, 1000)
}

slug = "simsiam_decomp"
task = "pretrain"
seeds = [0, 1, 2]
# Provide the folder of ImageNet-100, see datasets/imagenet100.py.
data = [] if images == "imagenet100" else [dict(name=images)]
metrics = [
    dict(metric="collapse/collapsed", label="Collapsed", scale=1, count=True),
    dict(metric="collapse/m_o", label="m_o", scale=1, digits=3),
    dict(metric="collapse/m_r", label="m_r", scale=1, digits=3),
    dict(metric="collapse/std", label="std", scale=1, digits=4),
    dict(metric="knn/k20_top1", label="k-NN (k = 20), %", scale=1),
    dict(metric="knn/k200_top1", label="k-NN (k = 200), %", scale=1),
]
