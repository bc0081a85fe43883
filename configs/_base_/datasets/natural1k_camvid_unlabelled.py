# 1,000 natural photos and the 367 training frames of CamVid, without labels, for pretraining.
# The folders first: python tools/prepare_data.py natural1k camvid --source FOLDER
_base_ = "unlabelled_photos.py"

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmengine.ConcatDataset",
        datasets=[
            dict(
                type="mmpretrain.CustomDataset",
                data_root="data/natural1k",
                with_label=False,
                pipeline=_base_.pipeline,
            ),
            dict(
                type="mmpretrain.CustomDataset",
                data_root="data/camvid/images/train",
                with_label=False,
                pipeline=_base_.pipeline,
            ),
        ],
    ),
)
