"""DINO on 1,572 unlabelled images: natural images and the training images of CamVid and BCCD.

Paper: DINO, arXiv:2104.14294, with the pool of SelfPatch, arXiv:2206.07990; there ViT-S/16, 1.28
    million images and ten views.
Command: mmdense train configs/selfpatch/dino_vit_ti_unlabelled.py
Machine: two CPU cores; 2.7 core-hours, from the CPU time of a step (2.0 s).
Expected: for scores of the weights, see configs/pipelines/selfpatch_study.py.
Vary: max_epochs, batch_size; the rest as in its base config.
"""

_base_ = "dino_vit_ti_photos.py"

# Prepare the folders first: mmdense prepare_data natural1k camvid bccd --source FOLDER
num_images = 1000 + 367 + 205
max_epochs = 100
batch_size = 32
steps = num_images // batch_size * max_epochs

_unlabelled = dict(type="mmpretrain.CustomDataset", with_label=False, pipeline=_base_.pipeline)
model = dict(frozen_prototypes=min(1250, steps // 10))
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        _delete_=True,
        type="mmengine.ConcatDataset",
        datasets=[
            dict(_unlabelled, data_root="data/natural1k"),
            dict(_unlabelled, data_root="data/camvid/images/train"),
            dict(_unlabelled, data_root="data/bccd/images/train"),
        ],
    ),
)
train_cfg = dict(max_epochs=max_epochs)

expected = []
