# A ResNet that is trained whole, from its stem on, with the statistics of BatchNorm tuned over all
# GPUs: MoCo (arXiv:1911.05722, section 4.2), and most since. Its features have other magnitudes
# than those of supervised pretraining, so what is new gets BatchNorm, too: FPN and the heads.
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
    # Four convolutions and one layer, as box heads with norms are built since arXiv:1803.08494.
    box_head=dict(type="Shared4Conv1FCBBoxHead", conv_out_channels=256, norm_cfg=norm),
)
