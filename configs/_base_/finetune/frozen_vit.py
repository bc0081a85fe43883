# A vision transformer of twelve layers of which nothing moves, without layers that are dropped at
# random: it gives the same features for the same image in every step.
# `model = dict(backbone=_base_.frozen_vit)`
frozen_vit = dict(frozen_stages=12, drop_path_rate=0.0)
