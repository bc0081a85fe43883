# Collage (generated images), class maps in ADE20K format.
# 11 classes: background is the first. 255 is ignored: pixels on borders, and crowds.
# Generate it first: mmdense make_collage --size small
data_root = "data/collage/small/"
metainfo = dict(
    classes=(
        "background",
        "disc",
        "ring",
        "triangle",
        "square",
        "hexagon",
        "star",
        "cross",
        "crescent",
        "heart",
        "arrow",
    ),
    palette=[
        (40, 40, 40),
        (230, 75, 60),
        (250, 170, 60),
        (245, 225, 70),
        (120, 200, 80),
        (50, 160, 140),
        (70, 190, 230),
        (60, 110, 220),
        (140, 90, 215),
        (235, 100, 180),
        (160, 115, 80),
    ],
)
scale = (256, 192)  # width, height; the maximum size of an image
crop_size = (160, 160)  # height, width

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmseg.LoadAnnotations"),
    dict(type="RandomResize", scale=scale, ratio_range=(0.9, 1.4), keep_ratio=True),
    dict(type="mmseg.RandomCrop", crop_size=crop_size, cat_max_ratio=0.9),
    dict(type="RandomFlip", prob=0.5),
    dict(type="mmseg.PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),  # the inferencers of OpenMMLab need this name
    dict(type="Resize", scale=scale, keep_ratio=True),
    dict(type="mmseg.LoadAnnotations"),
    dict(type="mmseg.PackSegInputs"),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="mmseg.BaseSegDataset",
        data_root=data_root,
        data_prefix=dict(img_path="images/train", seg_map_path="semantic/train"),
        img_suffix=".jpg",
        seg_map_suffix=".png",
        metainfo=metainfo,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,  # images differ in size, and MMSegmentation stacks only equal ones
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmseg.BaseSegDataset",
        data_root=data_root,
        data_prefix=dict(img_path="images/val", seg_map_path="semantic/val"),
        img_suffix=".jpg",
        seg_map_suffix=".png",
        metainfo=metainfo,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmseg.BaseSegDataset",
        data_root=data_root,
        data_prefix=dict(img_path="images/test", seg_map_path="semantic/test"),
        img_suffix=".jpg",
        seg_map_suffix=".png",
        metainfo=metainfo,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type="mmseg.IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
