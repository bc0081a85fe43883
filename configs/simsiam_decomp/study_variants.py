"""Variants of SimSiam, partial gradients and small predictors on CIFAR-100, three seeds.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262, tables 1 to 4, there on CIFAR-100 with
    1000 epochs.
Command: mmdense study configs/simsiam_decomp/study_variants.py
Machine: one GPU; not measured. MovingAverageHead stores 8 KB for each image, also in checkpoints:
    0.4 GB for CIFAR, 10.5 GB for ImageNet.
Expected: in the paper, naive, symmetric, mirror, same_batch_*, cut_simsiam_none and
    cut_triplet_residual collapse. Not run here.
Vary: --cfg-options images=stl10 and the other data sets, recipe=r18_lr003_1000e and the other
    recipes, both of study_recipes.py; seeds=[0]; --variants NAME... trains only these;
    --source FOLDER for data that is not prepared yet.
"""

_base_ = "../_base_/siamese_study.py"

recipe = "r18_lr05_200e"


def _merged(changes, more):
    """Changes of a recipe with those of a variant, which win."""
    if not isinstance(changes, dict) or not isinstance(more, dict) or "_delete_" in more:
        return more
    both = {key: _merged(changes[key], more[key]) for key in changes if key in more}
    return {**changes, **more, **both}


if recipe not in _base_.recipes:
    raise ValueError(f"recipe={recipe}: choose one of {', '.join(_base_.recipes)}")
_changes = _base_.recipes[recipe].to_dict()
_last_bn = _changes["model"]["neck"]["with_last_bn"]
_published = _base_.siamese_variants["published_last_bn" if _last_bn else "published"].to_dict()
_published["moving_average"]["changes"]["model"]["head"]["num_images"] = _base_.num_images

name = f"simsiam_variants_{_base_.images}_{recipe}"
variants = [
    dict(variant, changes=_merged(_changes, variant["changes"])) for variant in _published.values()
]

expected = []
