# The schedule of solo-learn, also used in the analysis (arXiv:2203.16262): batch size 256, learning
# rate 0.5, small weight decay, ten epochs of warm-up from 0.003, then a cosine.
_base_ = ["sgd_simsiam.py", "../runtime_siamese.py"]

lr = 0.5  # x batch size / 256, and the batch is 256
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-5))
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=0.003 / lr,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=10, convert_to_iter_based=True),
]
default_hooks = dict(predictor_lr=dict(lr=lr))
