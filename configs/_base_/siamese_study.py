# What the studies of SimSiam's relatives share. A study adds its name, data, base and variants.
_base_ = "models/siamese_variants.py"

slug = "simsiam_decomp"
task = "pretrain"
seeds = [0, 1, 2]
metrics = [
    dict(metric="collapse/collapsed", label="Collapsed", scale=1, count=True),
    dict(metric="collapse/m_o", label="m_o", scale=1, digits=3),
    dict(metric="collapse/m_r", label="m_r", scale=1, digits=3),
    dict(metric="collapse/std", label="std", scale=1, digits=4),
    dict(metric="knn/k20_top1", label="k-NN (k = 20), %", scale=1),
    dict(metric="knn/k200_top1", label="k-NN (k = 200), %", scale=1),
]
