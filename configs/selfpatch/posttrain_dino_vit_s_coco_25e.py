"""SelfPatch as post-training of DINO's ViT-S/16, on the unlabelled images of COCO train2017.

Teacher and student start from the checkpoint; the heads are new. The class token is the vector of
the image, and the neighbours of a patch are averaged.

Paper: SelfPatch, arXiv:2206.07990; post-training on patches as in NeCo, arXiv:2408.11054, and PaKA,
    arXiv:2509.05606, which have other losses. The schedule is our choice.
Command: mmdense train configs/selfpatch/posttrain_dino_vit_s_coco_25e.py --init CHECKPOINT
Machine: one GPU with 256 images. Not run here.
Expected: no score. Not run here.
Vary: --amp; max_epochs, the learning rate, optim_wrapper.paramwise_cfg.layer_decay_rate.
    Any folder: train_dataloader.dataset.data_root=FOLDER. ViT-B/16, also of MAE:
    model.backbone.arch=deit-base model.neck.in_channels=768 model.patch_neck.in_channels=768
"""

_base_ = ["./selfpatch_vit_s_coco_200e.py", "../_base_/finetune/layer_decay_vit.py"]

max_epochs = 25
model = dict(
    backbone=dict(with_cls_token=True, final_norm=True),
    pool=None,
    aggregation="mean",
)
optim_wrapper = dict(
    _base_.layer_decay_vit,
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.04),
    paramwise_cfg=dict(_base_.layer_decay_vit.paramwise_cfg, layer_decay_rate=0.75),
)
# One epoch of warm-up, then a cosine until the end of the run.
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=1,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs)
default_hooks = dict(checkpoint=dict(interval=1))

expected = []
