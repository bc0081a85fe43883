# For two cores: small batches at a high learning rate, so that a few hundred steps show a collapse.
_base_ = ["sgd_simsiam.py", "../runtime_siamese.py"]

lr = 0.3  # at a batch of 128
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-5))
default_hooks = dict(predictor_lr=dict(lr=lr), collapse=dict(interval=20))
