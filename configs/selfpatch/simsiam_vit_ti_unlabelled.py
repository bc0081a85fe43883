"""SimSiam with the ViT, the images and the schedule of DINO on 1,572 images, for comparison.

Paper: SimSiam, arXiv:2011.10566, section 3; a ViT of six layers instead of ResNet-50, and AdamW
    instead of SGD.
Command: mmdense train configs/selfpatch/simsiam_vit_ti_unlabelled.py
Machine: two CPU cores; 1.3 core-hours, from the CPU time of a step (1.0 s).
Expected: for scores of the weights, see configs/pipelines/selfpatch_study.py.
Vary: max_epochs, batch_size. An epoch has two views of an image instead of six.
"""

_base_ = "dino_vit_ti_unlabelled.py"

_lr = _base_.optim_wrapper.optimizer.lr
model = dict(
    _delete_=True,
    type="mmdense.SiameseViews",
    backbone=dict(_base_.model.backbone, out_type="featmap", final_norm=True),
    neck=dict(
        type="NonLinearNeck",
        in_channels=192,
        hid_channels=512,
        out_channels=512,
        num_layers=3,
        norm_cfg=dict(type="BN1d"),
        with_last_bn_affine=False,
    ),
    head=dict(
        type="mmdense.SimSiamHead",
        predictor=dict(
            type="NonLinearNeck",
            in_channels=512,
            hid_channels=128,
            out_channels=512,
            norm_cfg=dict(type="BN1d"),
            with_avg_pool=False,
            with_last_bn=False,
            with_last_bias=True,
        ),
    ),
)
data_preprocessor = dict(
    common=dict(size=112, crop_scale=(0.2, 1.0)),
    views=[dict(num=2)],
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"predictor": dict(fix_lr=True)}))
custom_imports = dict(imports=["mmdense", "mmpretrain.models", "projects.simsiam_decomp"])
custom_hooks = [
    dict(type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=_lr, adjust_by_epoch=False),
    dict(type="mmdense.CollapseHook", interval=50),
]

expected = []
