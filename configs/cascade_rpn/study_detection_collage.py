"""Faster R-CNN on Collage (generated images, one class), RPN and Cascade RPN, three seeds.

Paper: Cascade RPN, arXiv:1909.06720, its tables of proposals and its ablation, at a size for two
    cores.
Command: mmdense study configs/cascade_rpn/study_detection_collage.py --source FOLDER
Machine: two CPU cores, one hour.
Expected: below, from the record.
Vary: seeds; each variant lists its changes to the model of the base config.
"""

_base_ = "../_base_/models/rpn_variants.py"

name = "detection_collage"
slug = "cascade_rpn"
task = "detection"
seeds = [0, 1, 2]
data = [dict(name="collage", size="small")]
base = "configs/cascade_rpn/faster_rcnn_r18_collage_one_class.py"
_names = ("rpn", "iterative", "iterative_plus", "cascade_1", "cascade_2", "cascade_3")
variants = [_base_.rpn_variants.in_detector[name] for name in _names]
metrics = [
    dict(metric="coco/mAP", label="AP", scale=100),
    dict(metric="coco/mAP_50", label="AP50", scale=100),
    dict(metric="coco/mAP_75", label="AP75", scale=100),
]

_record = "cascade_rpn/2026-11-22_detection_collage"
expected = [
    dict(record=_record, metric="rpn/coco/mAP_75/mean", value=0.0636667, tolerance=0.02),
    dict(record=_record, metric="cascade_2/coco/mAP_75/mean", value=0.110667, tolerance=0.02),
]
