# SGD of SimSiam (section 3 and appendix A): the learning rate of the predictor is constant, all
# others follow a cosine. A config sets its epochs and learning rate.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.05, weight_decay=1e-4, momentum=0.9),
    paramwise_cfg=dict(custom_keys={"predictor": dict(fix_lr=True)}),
)
# until the end of the run
param_scheduler = [
    dict(type="CosineAnnealingLR", by_epoch=True, convert_to_iter_based=True),
]
