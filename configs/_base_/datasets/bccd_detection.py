# BCCD blood cells with boxes, at 320x240 (half size), in MMDetection's format.
# Prepare the folder first: mmdense prepare_data bccd --source FOLDER_OR_ARCHIVE
data_root = "data/bccd/"
metainfo = dict(
    classes=("RBC", "WBC", "Platelets"),
    palette=[(220, 20, 60), (106, 90, 205), (255, 165, 0)],
)
scale = (320, 240)  # width, height; the images are 640x480

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmdet.Resize", scale=scale, keep_ratio=True),
    # The orientation of a smear is arbitrary: no flip and three kinds of flips, each with p = 0.25.
    dict(type="mmdet.RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"]),
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
        ann_file=f"annotations/{split}.json",
        data_prefix=dict(img=f"images/{split}/"),
        metainfo=metainfo,
        **more,
    )


_loader = dict(batch_size=4, num_workers=2, persistent_workers=True)
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
val_evaluator = dict(
    type="mmdet.CocoMetric", ann_file=data_root + "annotations/val.json", metric="bbox"
)
test_evaluator = dict(val_evaluator, ann_file=data_root + "annotations/test.json")
