# Collage (generated pictures), boxes and instance masks in COCO format.
# Make it first: python tools/make_collage.py --size small
_base_ = ["./collage_detection.py"]

train_pipeline = [
    dict(type="mmdense.LoadImage"),
    # Bitmaps, since ring holes are run lengths and other outlines are polygons.
    dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=True),
    dict(type="mmdet.Resize", scale=_base_.scale, keep_ratio=True),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmdet.PackDetInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = dict(metric=["bbox", "segm"])
test_evaluator = dict(metric=["bbox", "segm"])
