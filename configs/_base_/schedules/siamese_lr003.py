# The recipe of SimSiam for CIFAR-10 (arXiv:2011.10566, appendix D): batches of 512.
_base_ = ["sgd_simsiam.py", "../runtime_siamese.py"]

lr = 0.03 * 512 / 256
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=5e-4))
default_hooks = dict(predictor_lr=dict(lr=lr))
