# What SimSiam and its relatives share: the monitor of collapse, k-NN on frozen features, and the
# predictor's constant learning rate. The hooks stand in default_hooks, a dict that merges by name,
# so that a config or a variant of a study changes one value or adds a hook, and keeps the rest.
_base_ = "runtime_pretrain.py"

custom_imports = dict(imports=["mmdense", "mmpretrain.models", "projects.simsiam_decomp"])
sync_bn = "torch"  # where there are several processes, which then need GPUs
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=200)
default_hooks = dict(
    checkpoint=dict(interval=10),
    predictor_lr=dict(
        type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=0.05, adjust_by_epoch=False
    ),
    collapse=dict(type="mmdense.CollapseHook", interval=50),
    # The images of train_dataloader, without augmentation, against those of test_dataloader.
    knn=dict(type="mmdense.KNNHook", interval=20, k=(20, 200)),
)
