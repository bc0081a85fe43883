# Collage (generated images), boxes in COCO format.
# Generate it first: mmdense make_collage --size small
data_root = "data/collage/small/"
metainfo = dict(
    classes=(
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
scale = (192, 144)  # width, height; 3/4 of the size of the images, for two cores

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmdet.Resize", scale=scale, keep_ratio=True),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmdet.PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),  # the inferencers of OpenMMLab need this name
    dict(type="mmdet.Resize", scale=scale, keep_ratio=True),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(
        type="mmdet.PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="mmdense.CheckedCocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_train.json",
        data_prefix=dict(img="images/train/"),
        metainfo=metainfo,
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmdense.CheckedCocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_val.json",
        data_prefix=dict(img="images/val/"),
        metainfo=metainfo,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmdense.CheckedCocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_test.json",
        data_prefix=dict(img="images/test/"),
        metainfo=metainfo,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
# "proposal" adds the class-agnostic average recall, AR@100.
val_evaluator = dict(
    type="mmdet.CocoMetric",
    ann_file=data_root + "annotations/instances_val.json",
    metric=["bbox", "proposal"],
)
test_evaluator = dict(
    type="mmdet.CocoMetric",
    ann_file=data_root + "annotations/instances_test.json",
    metric=["bbox", "proposal"],
)
