"""SimSiam's relatives, cut gradients and small predictors on CIFAR-10, three seeds.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262, tables 1 to 4, there on CIFAR-100 with
    1000 epochs.
Command: python tools/study.py configs/simsiam_decomp/study_variants_cifar10.py
Machine: one GPU; not measured. MovingAverageHead's averages take 0.4 GB, in checkpoints too.
Expected: which collapse: naive, symmetric, mirror, same_batch_*, cut_simsiam_none and
    cut_triplet_residual, in the paper. Not run here.
Vary: --variants NAME... trains some of them; the other families and lengths are beside it;
    --source FOLDER for data that is not prepared yet.
"""

_base_ = "../_base_/siamese_study.py"

name = "simsiam_variants_cifar10"
data = [dict(name="cifar10")]
base = "configs/simsiam_decomp/simsiam_r18_cifar10_lr05_200e.py"
_base_.siamese_variants.published.moving_average.changes.model.head.num_images = 50_000
_base_.siamese_variants.published_last_bn.moving_average.changes.model.head.num_images = 50_000
variants = list(_base_.siamese_variants.published.values())

expected = []
