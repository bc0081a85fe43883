# SimSiam (arXiv:2011.10566) on a ResNet-18 of half width: 2.8 M parameters, a size for two cores.
# Projector and predictor keep the paper's shape (three layers, a bottleneck of a quarter).
model = dict(
    type="SimSiam",
    backbone=dict(
        type="ResNet", depth=18, stem_channels=32, base_channels=32, zero_init_residual=True
    ),
    neck=dict(
        type="NonLinearNeck",
        in_channels=256,
        hid_channels=512,
        out_channels=512,
        num_layers=3,
        norm_cfg=dict(type="BN1d"),  # MMPretrain's default, SyncBN, needs a GPU
        with_last_bn_affine=False,
        with_avg_pool=True,
    ),
    head=dict(
        type="LatentPredictHead",
        loss=dict(type="CosineSimilarityLoss"),
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
