# DINO (arXiv:2104.14294) on a ViT-S/16, as in SelfPatch (arXiv:2206.07990): no class token; two
# class-attention blocks make the image vector from the patches. The values are those of SelfPatch's
# code for 1,281,167 images of ImageNet in batches of 1,024.
_base_ = "../runtime_pretrain.py"

custom_imports = dict(imports=["mmdense", "mmpretrain.models", "projects.selfpatch"])
model = dict(
    type="mmdense.DINO",
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch="deit-small",
        img_size=224,
        patch_size=16,
        out_type="raw",
        with_cls_token=False,
        final_norm=False,  # the pool has the norm
        drop_path_rate=0.1,
    ),
    pool=dict(type="mmdense.ClassAttentionPool", channels=384, heads=6),
    neck=dict(type="mmdense.DINONeck", in_channels=384, hid_channels=2048, out_channels=256),
    prototypes=65_536,
    teacher_temperature=0.04,
    momentum=0.996,
)
# For fewer images: fewer prototypes and a faster teacher, as in lightly-train's DINO. A recipe
# takes the first entry with at least as many images.
sizes = [
    dict(images=20_000, prototypes=1024, patch_prototypes=512, momentum=0.99),
    dict(images=50_000, prototypes=2048, patch_prototypes=1024, momentum=0.99),
    dict(images=100_000, prototypes=4096, patch_prototypes=2048, momentum=0.99),
    dict(images=200_000, prototypes=16_384, patch_prototypes=4096, momentum=0.996),
    dict(images=500_000, prototypes=32_768, patch_prototypes=4096, momentum=0.996),
    dict(images=10**12, prototypes=65_536, patch_prototypes=4096, momentum=0.996),
]
# The views of SelfPatch's code: `data_preprocessor = _base_.multi_crop`
multi_crop = dict(
    common=dict(_delete_=True, saturation=0.2),
    views=[
        dict(size=224, crop_scale=(0.25, 1.0), blur_prob=1.0),
        dict(size=224, crop_scale=(0.25, 1.0), blur_prob=0.1, solarize_prob=0.2),
        dict(size=96, num=8, crop_scale=(0.05, 0.25), blur_prob=0.5),
    ],
)
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="mmdense.LearnedParameters",
    optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.04),  # lr for a batch of 256
    # biases and norms do not decay; the position embedding does, as in the authors' code
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, flat_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=10,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
    # from 0.04 to 0.4; a ratio, so that weights without decay stay without
    dict(
        type="CosineAnnealingParamScheduler",
        param_name="weight_decay",
        by_epoch=True,
        eta_min_ratio=10,
        convert_to_iter_based=True,
    ),
]
custom_hooks = [
    dict(type="mmdense.TeacherHook", clip_each=3.0),
    dict(type="mmdense.CollapseHook", interval=50),
]
