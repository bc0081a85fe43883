# Cascade RPN in place of the RPN of Faster or Mask R-CNN, and what the paper (arXiv:1909.06720)
# changes after it: fewer and better proposals, a higher IoU threshold, finer box deltas.
# `model = _base_.rcnn_on_cascade_rpn`
_base_ = "cascade_rpn.py"

rcnn_on_cascade_rpn = dict(
    rpn_head=dict(_delete_=True, **_base_.cascade_rpn.in_detector),
    roi_head=dict(
        bbox_head=dict(
            bbox_coder=dict(target_stds=[0.04, 0.04, 0.08, 0.08]),
            loss_cls=dict(loss_weight=1.5),
            loss_bbox=dict(_delete_=True, type="SmoothL1Loss", beta=1.0, loss_weight=1.0),
        )
    ),
    train_cfg=dict(
        rpn=_base_.cascade_rpn.train,
        rpn_proposal=dict(max_per_img=300, nms=dict(iou_threshold=0.8)),
        rcnn=dict(
            assigner=dict(pos_iou_thr=0.65, neg_iou_thr=0.65, min_pos_iou=0.65),
            sampler=dict(num=256),
        ),
    ),
    test_cfg=dict(
        rpn=dict(max_per_img=300, nms=dict(iou_threshold=0.8)), rcnn=dict(score_thr=1e-3)
    ),
)
