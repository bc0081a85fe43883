# Collage (generated images), class maps in ADE20K format.
# 11 classes: background is the first. 255 is ignored: pixels on borders, and crowds.
# Generate it first: mmdense make_collage --size small
_base_ = "../collage_classes.py"

data_root = "data/collage/small/"
metainfo = dict(
    classes=("background", *_base_.collage.classes),
    palette=[(40, 40, 40), *_base_.collage.palette],
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


def _dataset(split, **more):
    return dict(
        type="mmseg.BaseSegDataset",
        data_root=data_root,
        data_prefix=dict(img_path=f"images/{split}", seg_map_path=f"semantic/{split}"),
        img_suffix=".jpg",
        seg_map_suffix=".png",
        metainfo=metainfo,
        **more,
    )


_loader = dict(num_workers=2, persistent_workers=True)
train_dataloader = dict(
    **_loader,
    batch_size=8,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=_dataset("train", pipeline=train_pipeline),
)
val_dataloader = dict(
    **_loader,
    batch_size=1,  # images differ in size, and MMSegmentation stacks only equal ones
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=_dataset("val", test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    val_dataloader, dataset=_dataset("test", test_mode=True, pipeline=test_pipeline)
)
val_evaluator = dict(type="mmseg.IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
