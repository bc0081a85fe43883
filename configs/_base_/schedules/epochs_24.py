# "2x": 24 epochs instead of MMDetection's 12, the rate cut after 16 and 22.
# `train_cfg = _base_.epochs_24.train_cfg`, and `param_scheduler`.
epochs_24 = dict(
    train_cfg=dict(max_epochs=24),
    param_scheduler=[
        dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
        dict(type="MultiStepLR", begin=0, end=24, by_epoch=True, milestones=[16, 22], gamma=0.1),
    ],
)
