"""SimSiam on CIFAR-100, ResNet-18, lr 0.5, 200 epochs.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262: its baseline, with the settings of the
    fork of solo-learn that its experiments probably used.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_cifar100_lr05_200e.py
Machine: one or more GPUs with a total batch size of 256; not measured.
Expected: below, from figure 6 of the paper (online linear probe). Its stem has a padding of 2,
    ours of 1. Not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    Depths and schedules: study_recipes.py; methods: study_variants.py.
"""

_base_ = [
    "../_base_/models/siamese_r18_cifar.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/siamese_lr05.py",
]

model = dict(neck=dict(with_last_bn=False, with_last_bias=True))
data_preprocessor = dict(common=dict(crop_scale=(0.08, 1.0)))
train_dataloader = dict(batch_size=256)

_paper = "Zhang et al. 2022, figure 6, online linear probe"
expected = [
    dict(paper=_paper, metric="accuracy/top1", value=48.5, tolerance=3.0),
]
