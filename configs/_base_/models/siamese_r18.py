# SimSiam (arXiv:2011.10566, section 3) on a ResNet-18, with one forward pass for each view. For
# other methods, change the head: see siamese_variants.py.
model = dict(
    type="mmdense.SiameseViews",
    backbone=dict(type="ResNet", depth=18, zero_init_residual=True),
    neck=dict(
        type="NonLinearNeck",
        in_channels=512,
        hid_channels=2048,
        out_channels=2048,
        num_layers=3,
        norm_cfg=dict(type="BN1d"),  # MMPretrain's default, SyncBN, needs a GPU
        with_last_bn_affine=False,
        with_avg_pool=True,
    ),
    head=dict(
        type="mmdense.SimSiamHead",
        predictor=dict(
            type="NonLinearNeck",
            in_channels=2048,
            hid_channels=512,
            out_channels=2048,
            norm_cfg=dict(type="BN1d"),
            with_avg_pool=False,
            with_last_bn=False,
            with_last_bias=True,
        ),
    ),
)
