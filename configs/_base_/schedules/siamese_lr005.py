# The recipe of SimSiam for ImageNet (arXiv:2011.10566, section 3): batches of 512. Its
# comparison with other methods takes 256, at half this rate.
_base_ = ["sgd_simsiam.py", "../runtime_siamese.py"]

lr = 0.05 * 512 / 256
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-4))
default_hooks = dict(predictor_lr=dict(lr=lr))
