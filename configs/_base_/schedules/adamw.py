# AdamW for fine-tuning and for training from scratch alike; a config adds its own length and rates.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=10.0),
)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
