"""Mask R-CNN on COCO with every detector here whose backbone the checkpoint fills, 1x.

Paper: Mask R-CNN, arXiv:1703.06870; ViTDet, arXiv:2203.16527; Cascade RPN, arXiv:1909.06720.
Command: python tools/downstream.py CHECKPOINT --suite configs/downstream/suite_coco.py
Machine: 8 GPUs; each training as long as its config says. Not run here.
Expected: no figure; it was not run here.
Vary: --gpus 8, --labels 1 5 10 100, --seeds; the 2x schedules are configs of their own.
"""

_no_class_token = dict(allow=["cls_token"])  # a ViT with windows has none to fill


def _pair(backbone, label, **more):
    """A detector with RPN, and the same with Cascade RPN against it."""
    base = "configs/downstream/mask_rcnn_{}_1x_coco.py"
    return [
        dict(
            name=backbone,
            label=f"{label}, RPN",
            base=base.format(backbone),
            init="CHECKPOINT",
            **more,
        ),
        dict(
            name=f"{backbone}_cascade_rpn",
            label=f"{label}, Cascade RPN",
            base=base.format(f"{backbone}_cascade_rpn"),
            init="CHECKPOINT",
            against=backbone,
            **more,
        ),
    ]


name = "downstream_coco"
slug = "downstream"
task = "detection"
seeds = [0]
data = [dict(name="coco")]
variants = [
    *_pair("r50_fpn", "ResNet-50, FPN"),
    *_pair("r50_c4", "ResNet-50, C4"),
    *_pair("vit_s_fpn", "ViT-S, four maps"),
    *_pair("vit_s_simple", "ViT-S, windows, one map", **_no_class_token),
    *_pair("vit_b_fpn", "ViT-B, four maps"),
    *_pair("vit_b_simple", "ViT-B, windows, one map", **_no_class_token),
]
metrics = [
    dict(metric="coco/bbox_mAP", label="box AP", scale=100),
    dict(metric="coco/bbox_mAP_75", label="box AP75", scale=100),
    dict(metric="coco/segm_mAP", label="mask AP", scale=100),
    dict(metric="coco/segm_mAP_75", label="mask AP75", scale=100),
]

expected = []
