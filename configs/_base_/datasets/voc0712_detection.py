# Pascal VOC with boxes, as MMDetection's own: trainval of 2007 and 2012, three times an epoch, and
# test of 2007. "difficult" boxes count neither in training nor in the evaluation.
# Link the folder first: mmdense prepare_data voc --source FOLDER
_base_ = "mmdet::_base_/datasets/voc0712.py"

data_root = "data/voc/"
filter_cfg = dict(filter_empty_gt=True, min_size=32, bbox_min_size=32)
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            datasets=[
                dict(
                    type="VOCDataset",
                    data_root=data_root,
                    ann_file=f"{year}/ImageSets/Main/trainval.txt",
                    data_prefix=dict(sub_data_root=f"{year}/"),
                    filter_cfg=filter_cfg,
                    pipeline=_base_.train_pipeline,
                )
                for year in ("VOC2007", "VOC2012")
            ]
        )
    )
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
