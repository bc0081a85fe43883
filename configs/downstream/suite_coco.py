"""Mask R-CNN on COCO with every detector whose backbone fits the checkpoint, 1x.

Paper: Mask R-CNN, arXiv:1703.06870; ViTDet, arXiv:2203.16527; Cascade RPN, arXiv:1909.06720.
Command: mmdense downstream CHECKPOINT --suite configs/downstream/suite_coco.py
Machine: 8 GPUs; see each config for the time. Not run here.
Expected: no score. Not run here.
Vary: --gpus 8, --labels 1 5 10 100, --seeds; --variants NAME... trains only these.

The paper of Cascade RPN has no C4 model. Its five levels have one anchor size each. So the single
level of C4 has five square anchors of these sizes, 32 to 512 pixels, with 64 channels each.
"""

_base_ = ["../_base_/models/vit.py", "../_base_/models/rcnn_on_cascade_rpn.py"]

_no_class_token = dict(allow=["cls_token"])  # a ViT with windowed attention has no class token


_imports = ["mmdense", "mmpretrain.models", "mmseg.models", "projects.cascade_rpn"]
_c4 = dict(
    in_channels=1024,
    feat_channels=320,
    anchor_generator=dict(
        type="mmdet.AnchorGenerator", scales=[2, 4, 8, 16, 32], ratios=[1.0], strides=[16]
    ),
)
_vit_b = _base_.vit.base.to_dict()
_vit_b_fpn = dict(backbone=_vit_b["maps"], neck=[_vit_b["rescaled"], _vit_b["fpn"]])
_vit_b_simple = dict(backbone=_vit_b["windows"], neck=dict(in_channels=_vit_b["width"]))


def _pair(name, label, base, model={}, rpn_head={}, **more):  # noqa: B006
    """A detector with RPN, and the same with Cascade RPN compared with it.

    ``model`` changes both, ``rpn_head`` the head of Cascade RPN.
    """
    cascade_rpn = _base_.rcnn_on_cascade_rpn.to_dict()
    cascade_rpn["rpn_head"].update(rpn_head)
    shared = dict(base=f"configs/downstream/mask_rcnn_{base}_1x_coco.py", init="CHECKPOINT", **more)
    return [
        dict(name=name, label=f"{label}, RPN", changes=dict(model=model), **shared),
        dict(
            name=f"{name}_cascade_rpn",
            label=f"{label}, Cascade RPN",
            changes=dict(
                custom_imports=dict(imports=_imports),
                model={**cascade_rpn, **model},
                optim_wrapper=dict(clip_grad=dict(max_norm=35, norm_type=2)),
            ),
            against=name,
            **shared,
        ),
    ]


name = "downstream_coco"
slug = "downstream"
task = "detection"
seeds = [0]
data = [dict(name="coco")]
variants = [
    *_pair("r50_fpn", "ResNet-50, FPN", "r50_fpn"),
    *_pair("r50_c4", "ResNet-50, C4", "r50_c4", rpn_head=_c4),
    *_pair("vit_s_fpn", "ViT-S, four maps", "vit_s_fpn"),
    *_pair("vit_s_simple", "ViT-S, windows, one map", "vit_s_simple", **_no_class_token),
    *_pair("vit_b_fpn", "ViT-B, four maps", "vit_s_fpn", _vit_b_fpn),
    *_pair(
        "vit_b_simple", "ViT-B, windows, one map", "vit_s_simple", _vit_b_simple, **_no_class_token
    ),
]
metrics = [
    dict(metric="coco/bbox_mAP", label="box AP", scale=100),
    dict(metric="coco/bbox_mAP_75", label="box AP75", scale=100),
    dict(metric="coco/segm_mAP", label="mask AP", scale=100),
    dict(metric="coco/segm_mAP_75", label="mask AP75", scale=100),
]

expected = []
