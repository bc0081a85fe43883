"""Faster R-CNN with Cascade RPN on COCO.

Paper: Cascade RPN, arXiv:1909.06720.
Command: python tools/train.py configs/cascade_rpn/faster_rcnn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: below, from the paper's table (300 proposals, COCO test-dev).
Vary: the learning rate follows the images in a batch: --auto-scale-lr.
"""

_base_ = [
    "mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

model = dict(
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
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = [
    dict(
        paper="NeurIPS 2019 poster, test-dev",
        metric="coco/bbox_mAP",
        value=0.406,
        tolerance=0.01,
    ),
    dict(
        paper="NeurIPS 2019 poster, test-dev",
        metric="coco/bbox_mAP_75",
        value=0.445,
        tolerance=0.01,
    ),
]
