"""Faster R-CNN with Cascade RPN on Collage (generated images).

Paper: Cascade RPN, arXiv:1909.06720; Faster R-CNN with FPN, arXiv:1612.03144, at a size for two
    cores.
Command: mmdense train configs/cascade_rpn/faster_rcnn_r18_collage.py --init CHECKPOINT
Machine: two CPU cores, 1 minute.
Expected: below, from the record of configs/pipelines/collage_demo.py.
Vary: without --init, weights are random; as configs/detection/faster_rcnn_r18_collage.py.
"""

_base_ = ["../detection/faster_rcnn_r18_collage.py", "../_base_/models/cascade_rpn.py"]

model = dict(
    rpn_head=dict(
        _delete_=True, **{**_base_.cascade_rpn.in_detector, "in_channels": 64, "feat_channels": 64}
    ),
    train_cfg=dict(rpn=_base_.cascade_rpn.train, rpn_proposal=dict(nms=dict(iou_threshold=0.8))),
    test_cfg=dict(rpn=dict(nms=dict(iou_threshold=0.8))),
)

_record = "pipelines/2026-11-22_collage_demo_monitored"
expected = [
    dict(record=_record, metric="detect_ssl/coco/AR@100", value=0.13, tolerance=0.04),
]
