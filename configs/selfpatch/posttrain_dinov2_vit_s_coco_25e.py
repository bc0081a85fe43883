"""SelfPatch as post-training of DINOv2's ViT-S/14, on the unlabelled images of COCO train2017.

Paper: SelfPatch, arXiv:2206.07990; DINOv2, arXiv:2304.07193. The schedule is our choice.
Command: mmdense train configs/selfpatch/posttrain_dinov2_vit_s_coco_25e.py --init CHECKPOINT
Machine: one GPU with 256 images. Not run here.
Expected: no score. Not run here.
Vary: as in its base config. The checkpoint is the release without registers.
"""

_base_ = "posttrain_dino_vit_s_coco_25e.py"

model = dict(
    backbone=dict(arch="dinov2-small", img_size=518, patch_size=14, layer_scale_init_value=1e-5),
)
_views = _base_.data_preprocessor.views
_views[2].size = 98  # a multiple of 14
data_preprocessor = dict(views=_views)

expected = []
