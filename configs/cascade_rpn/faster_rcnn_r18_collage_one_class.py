"""Faster R-CNN with RPN on Collage (generated images), all objects as one class.

Paper: Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144, reduced for two cores.
Command: mmdense train configs/cascade_rpn/faster_rcnn_r18_collage_one_class.py
Machine: two CPU cores, 4 minutes.
Expected: the row "RPN" of the study configs/cascade_rpn/study_detection_collage.py.
Vary: max_epochs, the learning rate, the width of the model.
"""

# In the steps that are feasible on two cores, the model learns to locate objects, but hardly to
# distinguish ten classes. This is sufficient for a comparison of proposals.
_base_ = "../detection/faster_rcnn_r18_collage.py"


_load, _annotations, *_others = _base_.train_pipeline
_pipeline = [_load, _annotations, dict(type="mmdense.OneClass"), *_others]
train_dataloader = dict(dataset=dict(pipeline=_pipeline))
model = dict(roi_head=dict(bbox_head=dict(num_classes=1)))
max_epochs = 6
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
val_evaluator = dict(metric="proposal", metric_items=["mAP", "mAP_50", "mAP_75", "AR@100"])
test_evaluator = val_evaluator

_record = "cascade_rpn/2026-11-22_detection_collage"
expected = [
    dict(record=_record, metric="rpn/coco/mAP/mean", value=0.118667, tolerance=0.02),
]
