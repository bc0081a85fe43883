"""Cascade Mask R-CNN with Cascade RPN on COCO.

Paper: Cascade RPN, arXiv:1909.06720; Cascade R-CNN, arXiv:1712.00726.
Command: mmdense train configs/cascade_rpn/cascade_mask_rcnn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: no score is published. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size.
"""

_base_ = [
    "mmdet::cascade_rcnn/cascade-mask-rcnn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

# The same boxes in all three stages, with IoU thresholds of 0.55, 0.65 and 0.75.
box_heads = _base_.model.roi_head.bbox_head
rcnn = _base_.model.train_cfg.rcnn
for head, stage, overlap in zip(box_heads, rcnn, (0.55, 0.65, 0.75)):
    head.bbox_coder.target_stds = [0.04, 0.04, 0.08, 0.08]
    head.loss_cls.loss_weight = 1.5
    stage.assigner.update(pos_iou_thr=overlap, neg_iou_thr=overlap, min_pos_iou=overlap)
del head, stage, overlap

model = dict(
    rpn_head=dict(_delete_=True, **_base_.cascade_rpn.in_detector),
    roi_head=dict(bbox_head=box_heads),
    train_cfg=dict(
        rpn=_base_.cascade_rpn.train,
        rpn_proposal=dict(nms_pre=2000, max_per_img=2000, nms=dict(iou_threshold=0.8)),
        rcnn=rcnn,
    ),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=1000, nms=dict(iou_threshold=0.8)),
        rcnn=dict(score_thr=1e-3, nms=dict(iou_threshold=0.6)),
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = []
