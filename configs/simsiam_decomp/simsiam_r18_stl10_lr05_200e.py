"""SimSiam on STL-10, ResNet-18, lr 0.5, 200 epochs.

Paper: arXiv:2203.16262 has a ResNet-18 on CIFAR-100; its settings carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_stl10_lr05_200e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    study_recipes.py has ResNet-50 and other recipes, study_variants.py other methods and
    predictors, of stl10 with --cfg-options images=stl10.
"""

_base_ = [
    "../_base_/models/siamese_r18.py",
    "../_base_/datasets/stl10.py",
    "../_base_/schedules/siamese_lr05.py",
]

model = dict(neck=dict(with_last_bn=False, with_last_bias=True))
data_preprocessor = dict(common=dict(crop_scale=(0.08, 1.0)))
train_dataloader = dict(batch_size=256, dataset=dict(split="unlabelled"))  # 100,000 images
default_hooks = dict(
    knn=dict(
        train_dataloader=dict(
            dataset=dict(type="mmdense.STL10", data_root="data/stl10", split="train")
        )
    )
)

expected = []
