# Collage (generated images), one object in an image, one folder for each class.
# The data set numbers the classes in alphabetical order of their folders.
# Generate it first: mmdense make_collage --size small
data_root = "data/collage/small/classification/"
data_preprocessor = dict(
    type="mmpretrain.ClsDataPreprocessor",
    # of ImageNet, RGB, from 0 to 255
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    to_rgb=True,
    num_classes=10,
)

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmpretrain.RandomResizedCrop", scale=96, crop_ratio_range=(0.5, 1.0)),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),  # the inferencers of OpenMMLab need this name
    dict(type="mmpretrain.Resize", scale=96),
    dict(type="mmpretrain.PackInputs"),
]

_loader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    collate_fn=dict(type="default_collate"),
)
_test = dict(type="mmpretrain.CustomDataset", test_mode=True, pipeline=test_pipeline)
train_dataloader = dict(
    **_loader,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="mmpretrain.CustomDataset", data_root=data_root + "train", pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    **_loader,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(_test, data_root=data_root + "val"),
)
test_dataloader = dict(val_dataloader, dataset=dict(_test, data_root=data_root + "test"))
val_evaluator = dict(type="mmpretrain.Accuracy", topk=(1,))
test_evaluator = val_evaluator
