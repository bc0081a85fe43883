# Semantic FPN of MMSegmentation, reduced for two cores: ResNet-18 of half width, FPN of 64
# channels.
_base_ = ["mmseg::_base_/models/fpn_r50.py"]

model = dict(
    pretrained=None,
    data_preprocessor=dict(size_divisor=32),
    backbone=dict(
        _delete_=True,
        type="mmpretrain.ResNet",
        depth=18,
        stem_channels=32,
        base_channels=32,
        out_indices=(0, 1, 2, 3),
    ),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    decode_head=dict(
        in_channels=[64, 64, 64, 64],
        channels=64,
        dropout_ratio=0.0,
        norm_cfg=dict(type="BN", requires_grad=True),
    ),
)
