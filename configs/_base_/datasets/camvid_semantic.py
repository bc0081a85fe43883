# CamVid road scenes, 480x360, 11 classes; void is 255, which losses and metrics ignore.
# Prepare the folder first: mmdense prepare_data camvid --source FOLDER_OR_ARCHIVE
data_root = "data/camvid"
scale = (480, 360)  # width, height
crop_size = (240, 320)  # height, width

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmseg.LoadAnnotations"),
    dict(type="RandomResize", scale=scale, ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type="mmseg.RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
    dict(type="RandomFlip", prob=0.5),
    dict(type="mmseg.PhotoMetricDistortion"),
    dict(type="mmseg.PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),  # the inferencers of OpenMMLab need this name
    dict(type="Resize", scale=scale, keep_ratio=True),
    dict(type="mmseg.LoadAnnotations"),
    dict(type="mmseg.PackSegInputs"),
]

_loader = dict(num_workers=2, persistent_workers=True)
_dataset = dict(type="mmdense.CamVid", data_root=data_root)
_test = dict(_dataset, pipeline=test_pipeline, test_mode=True)
train_dataloader = dict(
    **_loader,
    batch_size=8,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(_dataset, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    **_loader,
    batch_size=4,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(_test, split="val"),
)
test_dataloader = dict(val_dataloader, dataset=dict(_test, split="test"))
val_evaluator = dict(type="mmseg.IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
