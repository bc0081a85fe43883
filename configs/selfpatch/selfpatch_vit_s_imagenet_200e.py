"""SelfPatch on ImageNet, ViT-S/16, 200 epochs.

Paper: SelfPatch, arXiv:2206.07990. The values are those of the authors' code. Its README had 200
    epochs first and the code 300 later; that of the published weights is not documented.
Command: mmdense train configs/selfpatch/selfpatch_vit_s_imagenet_200e.py
Machine: 8 GPUs with 128 images each. Not run here.
Expected: the authors report 42.1 box AP and 38.5 mask AP (COCO, Mask R-CNN 1x), and 41.2 and 43.2
    mIoU (ADE20K, Semantic FPN 40k and UPerNet 160k). Not run here.
Vary: --amp; --auto-scale-lr for another total batch size; 300 epochs: max_epochs=300. As in the
    authors' code: model.wrap=True model.center_views=all
"""

_base_ = "dino_vit_s_imagenet_200e.py"

model = dict(
    type="mmdense.SelfPatch",
    patch_neck=_base_.model.neck,
    patch_prototypes=4096,
    patch_weight=0.1,
    k=4,
)

expected = []
