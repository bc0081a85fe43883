# Tiny-ImageNet, 64x64, 200 classes: for pretraining with batched views, and for the probes. The
# test images have no labels; the 10,000 of val are the test set, as in the literature.
# Prepare the folder first: mmdense prepare_data tiny_imagenet --source FOLDER_OR_ARCHIVE
data_preprocessor = dict(
    type="mmdense.MultiViewPreprocessor",
    # of ImageNet, RGB, from 0 to 255
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    to_rgb=True,
    common=dict(size=64),
    views=[dict(num=2)],
)
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmpretrain.CustomDataset",
        data_root="data/tiny_imagenet/train",
        pipeline=pipeline,
    ),
)
test_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmpretrain.CustomDataset",
        data_root="data/tiny_imagenet/val",
        test_mode=True,
        pipeline=pipeline,
    ),
)
test_evaluator = dict(type="mmpretrain.Accuracy", topk=(1, 5))
test_cfg = dict()
