# Runtime settings of SimSiam and its variants: the collapse monitor, k-NN on frozen features, and
# the constant learning rate of the predictor. The hooks are in default_hooks, a dict that merges by
# name, so that a config or a variant of a study can change one value or add a hook.
_base_ = "runtime_pretrain.py"

custom_imports = dict(imports=["mmdense", "mmpretrain.models", "projects.simsiam_decomp"])
sync_bn = "torch"  # only with several processes, which need GPUs
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=200)
default_hooks = dict(
    checkpoint=dict(interval=10),
    predictor_lr=dict(
        type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=0.05, adjust_by_epoch=False
    ),
    collapse=dict(type="mmdense.CollapseHook", interval=50),
    # Compares images of test_dataloader with those of train_dataloader without augmentation.
    knn=dict(type="mmdense.KNNHook", interval=20, k=(20, 200)),
)
