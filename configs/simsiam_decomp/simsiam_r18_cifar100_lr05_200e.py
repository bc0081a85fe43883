"""SimSiam on CIFAR-100, ResNet-18, lr 0.5, 200 epochs.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262: its baseline, with the settings of the
    fork of solo-learn that its experiments seem to come from.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_cifar100_lr05_200e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: below, read off the paper's figure 6 (online linear probe). Its stem pads by 2, ours by 1.
    Not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    study_recipes.py has ResNet-50 and other recipes, study_variants.py other methods and
    predictors.
"""

_base_ = [
    "../_base_/models/siamese_r18_cifar.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/siamese_lr05.py",
]

model = dict(neck=dict(with_last_bn=False, with_last_bias=True))
data_preprocessor = dict(common=dict(crop_scale=(0.08, 1.0)))
train_dataloader = dict(batch_size=256)

expected = [
    dict(
        paper="Zhang et al. 2022, figure 6, online linear probe",
        metric="accuracy/top1",
        value=48.5,
        tolerance=3.0,
    ),
]
