"""SelfPatch on 1,572 unlabelled images: natural images and the training images of CamVid and BCCD.

Paper: SelfPatch, arXiv:2206.07990; there ViT-S/16, 1.28 million images and ten views.
Command: mmdense train configs/selfpatch/selfpatch_vit_ti_unlabelled.py
Machine: two CPU cores; 3.3 core-hours, from the CPU time of a step (2.5 s).
Expected: for scores of the weights, see configs/pipelines/selfpatch_study.py.
Vary: max_epochs, batch_size, model.k, model.window, model.patch_weight,
    model.patch_views="all" as published.
"""

_base_ = "dino_vit_ti_unlabelled.py"

model = dict(
    type="mmdense.SelfPatch",
    patch_neck=_base_.model.neck,
    patch_prototypes=_base_.size.patch_prototypes,
    k=4,
    patch_views="teacher",  # the small views have 3 x 3 patches, eight of them at the border
)

expected = []
