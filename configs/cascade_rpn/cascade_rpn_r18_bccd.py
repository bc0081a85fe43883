"""Cascade RPN on BCCD blood cells: proposals.

Paper: Cascade RPN, arXiv:1909.06720, reduced for two cores.
Command: mmdense train configs/cascade_rpn/cascade_rpn_r18_bccd.py
Machine: two CPU cores, 3 minutes.
Expected: the row "Cascade RPN" of the study configs/cascade_rpn/study_proposals_bccd.py.
Vary: as the baseline; dilation, losses and stages of the head.
"""

_base_ = ["./rpn_r18_bccd.py", "../_base_/models/cascade_rpn.py"]

model = dict(
    rpn_head=dict(
        _delete_=True, **{**_base_.cascade_rpn.alone, "in_channels": 64, "feat_channels": 64}
    ),
    train_cfg=dict(rpn=_base_.cascade_rpn.train),
    test_cfg=dict(rpn=dict(nms=dict(iou_threshold=0.8))),
)

_record = "cascade_rpn/2026-11-22_proposals_bccd"
expected = [
    dict(record=_record, metric="cascade_2/proposals/AR100/mean", value=0.650953, tolerance=0.03),
]
