"""SelfPatch on Tiny-ImageNet, ViT-Ti/8, 200 epochs.

Paper: SelfPatch, arXiv:2206.07990; its crops in proportion.
Command: mmdense train configs/selfpatch/selfpatch_vit_ti_tiny_imagenet.py
Machine: one GPU. Not run here.
Expected: no score is published. Not run here.
Vary: --amp; max_epochs, batch_size, model.k; patch_size=4, at over four times the
    cost. The baseline, DINO: model.patch_weight=0
"""

_base_ = ["../_base_/models/selfpatch.py", "../_base_/datasets/tiny_imagenet.py"]

num_images = 100_000
max_epochs = 200
batch_size = 256
patch_size = 8
image_size = 64
size = next(one for one in _base_.sizes if num_images <= one["images"])
steps = num_images // batch_size * max_epochs

model = dict(
    _base_.vit_ti,
    backbone=dict(arch="deit-tiny", img_size=image_size, patch_size=patch_size),
    prototypes=size["prototypes"],
    patch_prototypes=size["patch_prototypes"],
    momentum=size["momentum"],
    frozen_prototypes=min(1250, steps // 10),
)
data_preprocessor = dict(
    common=dict(_delete_=True, saturation=0.2),
    views=[
        dict(size=image_size, crop_scale=(0.25, 1.0), blur_prob=1.0),
        dict(size=image_size, crop_scale=(0.25, 1.0), blur_prob=0.1, solarize_prob=0.2),
        dict(size=image_size // 2, num=8, crop_scale=(0.05, 0.25), blur_prob=0.5),
    ],
)
train_dataloader = dict(batch_size=batch_size)
optim_wrapper = dict(optimizer=dict(lr=5e-4 * batch_size / 256))
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)
default_hooks = dict(
    checkpoint=dict(interval=10), knn=dict(type="mmdense.KNNHook", interval=20, k=(20, 200))
)

expected = []
