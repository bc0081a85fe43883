"""SimSiam on the unlabelled split of Collage (generated images), reduced to show collapse quickly.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262; a quarter of the width, 220 steps.
Command: mmdense train configs/simsiam_decomp/simsiam_minutes_collage.py
Machine: two CPU cores; not measured.
Expected: a healthy verdict; a naive Siamese network collapses completely.
Vary: model.head, by _base_/models/siamese_variants.py (minutes).
"""

_base_ = [
    "../_base_/models/siamese_r18_w16.py",
    "../_base_/datasets/collage_unlabelled.py",
    "../_base_/schedules/siamese_minutes.py",
]

# ImageNet's stem brings 64x64 to the maps that the other stem makes of 32x32.
model = dict(backbone=dict(type="ResNet", strides=(1, 2, 2, 2)))
max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
train_dataloader = dict(batch_size=128)
_folder = "data/collage/small/classification/"
_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmpretrain.Resize", scale=64),
    dict(type="mmpretrain.PackInputs"),
]
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=10),
    knn=dict(
        interval=max_epochs,
        train_dataloader=dict(
            dataset=dict(
                type="mmpretrain.CustomDataset", data_root=_folder + "train", pipeline=_pipeline
            )
        ),
        test_dataloader=dict(
            dataset=dict(
                type="mmpretrain.CustomDataset", data_root=_folder + "test", pipeline=_pipeline
            )
        ),
    ),
)

expected = []
