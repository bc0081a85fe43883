# A ResNet that is fully fine-tuned, with SyncBN: MoCo (arXiv:1911.05722, section 4.2). The
# magnitudes of its features differ from those of supervised pretraining, so the new layers (FPN and
# heads) have BatchNorm, too.
norm = dict(type="SyncBN", requires_grad=True)
whole_resnet = dict(
    norm=norm,
    backbone=dict(
        style="pytorch",
        frozen_stages=-1,
        norm_cfg=norm,
        norm_eval=False,
        init_cfg=None,  # --init CHECKPOINT
    ),
    # For a model on the C4 map, whose last stage is in the RoI head, followed by a norm (MoCo).
    c4=dict(
        data_preprocessor=dict(
            mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
        ),
        shared_head=dict(type="ResLayerExtraNorm", style="pytorch", norm_cfg=norm, norm_eval=False),
    ),
    # Four convolutions and one linear layer, as in box heads with norms (arXiv:1803.08494).
    box_head=dict(type="Shared4Conv1FCBBoxHead", conv_out_channels=256, norm_cfg=norm),
)
