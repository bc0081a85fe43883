"""SimSiam's relatives on ImageNet-100, lr 0.05, 200 epochs, three seeds.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262, tables 1 to 4; the recipe is
    SimSiam's, arXiv:2011.10566.
Command: python tools/study.py configs/simsiam_decomp/study_variants_imagenet100_lr005_200e.py
Machine: one GPU; not measured.
Expected: as its base; not run here.
Vary: as its base.
"""

_base_ = "./study_variants_imagenet100.py"

name = "simsiam_variants_imagenet100_lr005_200e"
base = "configs/simsiam_decomp/simsiam_r18_imagenet100_lr005_200e.py"
variants = list(_base_.siamese_variants.published_last_bn.values())

expected = []
