# ViT-S/16 and ViT-B/16 of the self-supervised literature, as backbones that return maps, and the
# six layers of configs/selfpatch/*_vit_ti_*.py for two cores. A config selects one:
# `model = dict(backbone=_base_.vit.small.maps, neck=[_base_.vit.small.rescaled, ...])`.
#   maps      four maps of stride 16, full attention. The position embedding has the size
#             of the pretraining and is resized for each image, as in the authors' code. No norm
#             at the end: that of MMPretrain would normalise only the last of the four.
#   rescaled  the neck that brings the four maps to the strides 4, 8, 16 and 32, as in
#             XCiT, arXiv:2106.09681.
#   fpn       the FPN of a detector on the rescaled maps.
#   windows   the last map, for large images: attention in windows of 14 patches, in four layers
#             over the whole image (ViTDet, arXiv:2203.16527, section 3). It has no class token.


def _maps(arch):
    return dict(
        _delete_=True,
        type="mmpretrain.VisionTransformer",
        arch=arch,
        img_size=224,
        patch_size=16,
        out_indices=(2, 5, 8, 11),
        out_type="featmap",
        final_norm=False,
        drop_path_rate=0.1,
    )


def _windows(width):
    return dict(
        _delete_=True,
        type="mmpretrain.ViTSAM",
        arch=dict(
            embed_dims=width,
            num_layers=12,
            num_heads=width // 64,
            feedforward_channels=4 * width,
            global_attn_indexes=[2, 5, 8, 11],
        ),
        img_size=1024,
        patch_size=16,
        out_channels=0,  # the map itself, without the neck of SAM
        window_size=14,
        drop_path_rate=0.1,
    )


def _vit(arch, width):
    rescaled = dict(
        type="mmseg.Feature2Pyramid",
        embed_dim=width,
        rescales=[4, 2, 1, 0.5],
        norm_cfg=dict(type="SyncBN", requires_grad=True),
    )
    fpn = dict(type="FPN", in_channels=[width] * 4, out_channels=256, num_outs=5)
    maps, windows = _maps(arch), _windows(width)
    return dict(width=width, maps=maps, rescaled=rescaled, fpn=fpn, windows=windows)


_six_layers = dict(embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768)
vit = dict(
    six_layers=_vit(_six_layers, 192),
    small=_vit("deit-small", 384),
    base=_vit("deit-base", 768),
)
vit["six_layers"]["maps"].update(img_size=112, out_indices=(1, 2, 4, 5), with_cls_token=False)
del vit["six_layers"]["windows"]  # has twelve layers
