"""Faster R-CNN on BCCD with RPN and with Cascade RPN, three seeds.

Paper: Cascade RPN, arXiv:1909.06720, its tables of proposals and its ablation, at a size for two
    cores.
Command: mmdense study configs/cascade_rpn/study_detection_bccd.py --source FOLDER
Machine: two CPU cores, three hours.
Expected: below, from the record.
Vary: seeds; each variant lists its changes to the model of the base config, which trains at 5e-4,
    not 1e-3.
"""

_base_ = "../_base_/models/rpn_variants.py"

name = "detection_bccd"
slug = "cascade_rpn"
task = "detection"
seeds = [0, 1, 2]
data = [dict(name="bccd")]
base = "configs/detection/faster_rcnn_r18_bccd.py"
# Same epochs and learning rate as in the study of proposals: with less, the heads learn too little.
_schedule = dict(
    optim_wrapper=dict(optimizer=dict(lr=1e-3)), train_cfg=dict(max_epochs=6, val_interval=6)
)
_in_detector = _base_.rpn_variants.in_detector.to_dict()
_names = (
    "rpn",
    "iterative",
    "iterative_plus",
    "cascade_1",
    "cascade_2",
    "cascade_3",
    "light_boxes",
    "negatives_03",
)
variants = [
    dict(_in_detector[name], changes=dict(_in_detector[name]["changes"], **_schedule))
    for name in _names
]
metrics = _base_.rpn_variants.metrics.bccd_detection

_record = "cascade_rpn/2026-11-23_detection_bccd_six_epochs"
expected = [
    dict(record=_record, metric="rpn/coco/bbox_mAP_75/mean", value=0.571667, tolerance=0.04),
    dict(record=_record, metric="cascade_1/coco/bbox_mAP_75/mean", value=0.581, tolerance=0.03),
    dict(record=_record, metric="cascade_2/coco/bbox_mAP_75/mean", value=0.540333, tolerance=0.05),
]
