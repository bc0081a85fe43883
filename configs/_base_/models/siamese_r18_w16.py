# The same for two cores: a quarter of the width, a projector and predictor of an eighth, and a
# first stage that already halves the map. The projector has no last BatchNorm, which would hide a
# complete collapse: it subtracts the centre.
_base_ = "siamese_r18_cifar.py"

model = dict(
    backbone=dict(stem_channels=16, base_channels=16, strides=(2, 2, 2, 2)),
    neck=dict(
        in_channels=128,
        hid_channels=256,
        out_channels=256,
        with_last_bn=False,
        with_last_bias=True,
    ),
    head=dict(predictor=dict(in_channels=256, hid_channels=64, out_channels=256)),
)
