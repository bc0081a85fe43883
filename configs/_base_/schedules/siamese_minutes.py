# Ours, for two cores: small batches at a high rate, so that some hundred steps show who collapses.
_base_ = ["sgd_simsiam.py", "../runtime_siamese.py"]

lr = 0.3  # at a batch of 128
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-5))
default_hooks = dict(predictor_lr=dict(lr=lr), collapse=dict(interval=20))
