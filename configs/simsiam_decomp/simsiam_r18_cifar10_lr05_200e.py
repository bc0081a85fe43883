"""SimSiam on CIFAR-10, ResNet-18, lr 0.5, 200 epochs.

Paper: arXiv:2203.16262 has CIFAR-100; the same settings, which are solo-learn's for CIFAR-10.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_cifar10_lr05_200e.py
Machine: one or more GPUs with a total batch size of 256; not measured.
Expected: solo-learn reports 90.51 (online linear probe) after 1000 epochs, with a last BatchNorm in
    the projector; not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    Depths and schedules: study_recipes.py; methods: study_variants.py; with images=cifar10.
"""

_base_ = [
    "../_base_/models/siamese_r18_cifar.py",
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/siamese_lr05.py",
]

model = dict(neck=dict(with_last_bn=False, with_last_bias=True))
data_preprocessor = dict(common=dict(crop_scale=(0.08, 1.0)))
train_dataloader = dict(batch_size=256)

expected = []
