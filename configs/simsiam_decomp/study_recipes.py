"""SimSiam by depth, recipe and length on one of six data sets, three seeds.

The variants are named r{18,50}_{lr05,lr003}_{200,1000}e; lr005 instead of lr003 on ImageNet and
ImageNet-100. Together with `images` these are 48 trainings.

Paper: lr003 and lr005, SimSiam, arXiv:2011.10566, appendix D and section 3; lr05, solo-learn and
    How Does SimSiam Avoid Collapse, arXiv:2203.16262.
Command: mmdense study configs/simsiam_decomp/study_recipes.py
    --cfg-options images=stl10 --variants r50_lr003_1000e
Machine: one GPU; not measured.
Expected: no score is published for most of these. Not run here.
Vary: --cfg-options images=cifar10 or cifar100, stl10, tiny_imagenet, imagenet100, imagenet;
    seeds=[0]; --variants NAME... trains only these; --source FOLDER for data that is not
    prepared yet.
"""

_base_ = "../_base_/siamese_study.py"

name = f"simsiam_recipes_{_base_.images}"
variants = [
    dict(name=recipe, label=recipe.replace("_", ", "), changes=changes)
    for recipe, changes in _base_.recipes.items()
]

expected = []
