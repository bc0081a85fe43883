# Collage (generated images), boxes in COCO format.
# Generate it first: mmdense make_collage --size small
_base_ = "../collage_classes.py"

data_root = "data/collage/small/"
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


def _dataset(split, **more):
    return dict(
        type="mmdense.CheckedCocoDataset",
        data_root=data_root,
        ann_file=f"annotations/instances_{split}.json",
        data_prefix=dict(img=f"images/{split}/"),
        metainfo=_base_.metainfo,
        **more,
    )


_loader = dict(batch_size=8, num_workers=2, persistent_workers=True)
train_dataloader = dict(
    **_loader,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=_dataset("train", filter_cfg=dict(filter_empty_gt=False), pipeline=train_pipeline),
)
val_dataloader = dict(
    **_loader,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=_dataset("val", test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    val_dataloader, dataset=_dataset("test", test_mode=True, pipeline=test_pipeline)
)
# "proposal" adds the class-agnostic average recall, AR@100.
val_evaluator = dict(
    type="mmdet.CocoMetric",
    ann_file=data_root + "annotations/instances_val.json",
    metric=["bbox", "proposal"],
)
test_evaluator = dict(val_evaluator, ann_file=data_root + "annotations/instances_test.json")
