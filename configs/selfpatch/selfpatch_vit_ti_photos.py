"""SelfPatch on any folder of images, with a ViT of six layers.

Paper: SelfPatch, arXiv:2206.07990; there ViT-S/16, 1.28 million images and ten views.
Command: mmdense train configs/selfpatch/selfpatch_vit_ti_photos.py --cfg-options \
train_dataloader.dataset.data_root=FOLDER num_images=1000
Machine: two CPU cores; not measured yet.
Expected: the losses stay below ln K (6.9 for 1,024 prototypes of images, 6.2 for 512 of patches);
    the verdict is healthy.
Vary: num_images (the numbers of prototypes follow), max_epochs, batch_size, model.k, model.window.
"""

_base_ = "dino_vit_ti_photos.py"

model = dict(
    type="mmdense.SelfPatch",
    patch_neck=dict(type="mmdense.DINONeck", in_channels=192, hid_channels=512, out_channels=256),
    patch_prototypes=_base_.size["patch_prototypes"],
    k=4,
)

expected = []
