"""DINO on any folder of images, with a ViT of six layers.

Paper: DINO, arXiv:2104.14294, with the pool of SelfPatch, arXiv:2206.07990; there ViT-S/16, 1.28
    million images and ten views.
Command: mmdense train configs/selfpatch/dino_vit_ti_photos.py --cfg-options \
train_dataloader.dataset.data_root=FOLDER num_images=1000
Machine: two CPU cores; not measured yet.
Expected: the loss stays below ln K (6.9 for 1,024 prototypes); the verdict is healthy.
Vary: num_images (the number of prototypes follows), max_epochs, batch_size.
"""

_base_ = ["../_base_/models/dino.py", "../_base_/datasets/unlabelled_photos.py"]

num_images = 1000
max_epochs = 100
batch_size = 64
size = next(one for one in _base_.sizes if num_images <= one["images"])
steps = max(1, num_images // batch_size) * max_epochs

_neck = dict(in_channels=192, hid_channels=512)
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768
        ),
        img_size=112,
    ),
    pool=dict(channels=192, heads=3),
    neck=_neck,
    prototypes=size["prototypes"],
    momentum=size["momentum"],
    frozen_prototypes=min(1250, steps // 10),
)
data_preprocessor = dict(
    common=dict(_delete_=True, saturation=0.2),
    views=[
        dict(size=112, crop_scale=(0.25, 1.0), blur_prob=1.0),
        dict(size=112, crop_scale=(0.25, 1.0), blur_prob=0.1, solarize_prob=0.2),
        dict(size=48, num=4, crop_scale=(0.05, 0.25), blur_prob=0.5),
    ],
)
pipeline = [
    dict(type="mmdense.LoadImage", short_side=256),
    dict(type="mmpretrain.ResizeEdge", scale=160, edge="short"),
    dict(type="mmpretrain.RandomCrop", crop_size=160),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=pipeline))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)
default_hooks = dict(checkpoint=dict(interval=5))

expected = []
