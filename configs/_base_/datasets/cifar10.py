# CIFAR-10, 32x32: whole images for pretraining with batched views, and labels for the probes.
# Prepare the folder first: mmdense prepare_data cifar10 --source FOLDER_OR_ARCHIVE
# The data preprocessor makes the views of a batch; tests use the normalised image.
data_preprocessor = dict(
    type="mmdense.MultiViewPreprocessor",
    # per channel over the training images, RGB, from 0 to 255
    mean=(125.307, 122.961, 113.8575),
    std=(51.5865, 50.847, 51.255),
    to_rgb=False,  # mmdense.CIFAR10 gives RGB
    # no blur, as SimSiam on CIFAR (arXiv:2011.10566, appendix D)
    common=dict(size=32, blur_prob=0.0),
    views=[dict(num=2)],
)
train_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(type="mmdense.CIFAR10", data_root="data/cifar10", split="train"),
)
test_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(type="mmdense.CIFAR10", data_root="data/cifar10", split="test"),
)
test_evaluator = dict(type="mmpretrain.Accuracy", topk=(1,))
test_cfg = dict()
