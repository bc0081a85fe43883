# A ResNet of which nothing moves, neither weights nor the statistics of BatchNorm: what is learnt
# is what the neck and the heads make of its features. `model = dict(backbone=_base_.frozen_resnet)`
frozen_resnet = dict(frozen_stages=4, norm_eval=True)
