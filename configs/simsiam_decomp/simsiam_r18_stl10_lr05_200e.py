"""SimSiam on STL-10, ResNet-18, lr 0.5, 200 epochs.

Paper: arXiv:2203.16262 has a ResNet-18 on CIFAR-100; this config uses its settings.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_stl10_lr05_200e.py
Machine: one or more GPUs with a total batch size of 256; not measured.
Expected: no score is published. Not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    Depths and schedules: study_recipes.py; methods: study_variants.py; with images=stl10.
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
