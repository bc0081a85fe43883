# What the studies of SimSiam's relatives share. A study adds its name, data, base and variants.
_base_ = "models/siamese_variants.py"

slug = "simsiam_decomp"
task = "pretrain"
seeds = [0, 1, 2]
metrics = [
    dict(metric="collapse/collapsed", label="collapsed", scale=1),
    dict(metric="collapse/m_o", label="m_o, %", scale=100),
    dict(metric="collapse/m_r", label="m_r, %", scale=100),
    dict(metric="collapse/std", label="std, %", scale=100),
    dict(metric="knn/k20_top1", label="k-NN (k = 20), %", scale=1),
    dict(metric="knn/k200_top1", label="k-NN (k = 200), %", scale=1),
]
