# Detection on Pascal VOC as in MoCo (arXiv:1911.05722, section 4.2.1): trainval of 2007 and
# 2012, 24,000 iterations with 16 images each, test of 2007; AP over ten overlaps, AP50 and AP75.
# Small boxes are used for training. Deviation: boxes marked as difficult are not.
# Link the folder first: mmdense prepare_data voc --source FOLDER
_base_ = [
    "mmdet::_base_/datasets/voc0712.py",
    "short_sides.py",
    "mmdet::_base_/default_runtime.py",
]

data_root = "data/voc/"
_base_.train_pipeline[2] = _base_.short_sides.voc
_base_.test_pipeline[1].scale = (1333, 800)
train_dataloader = dict(
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        _delete_=True,
        type="ConcatDataset",
        ignore_keys=["dataset_type"],
        datasets=[
            dict(
                type="VOCDataset",
                data_root=data_root,
                ann_file=f"{year}/ImageSets/Main/trainval.txt",
                data_prefix=dict(sub_data_root=f"{year}/"),
                filter_cfg=dict(filter_empty_gt=True, min_size=32),
                pipeline=_base_.train_pipeline,
            )
            for year in ("VOC2007", "VOC2012")
        ],
    ),
)
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(data_root=data_root, pipeline=_base_.test_pipeline))
val_evaluator = dict(iou_thrs=[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
test_evaluator = val_evaluator

max_iters = 24000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=4000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=100),
    dict(
        type="MultiStepLR",
        begin=0,
        end=max_iters,
        by_epoch=False,
        milestones=[18000, 22000],
        gamma=0.1,
    ),
]
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=1e-4)
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=4000))
log_processor = dict(by_epoch=False)
