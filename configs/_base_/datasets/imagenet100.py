# ImageNet-100, a hundred classes of ImageNet: for pretraining with batched views, and for the
# probes. Provide the folder data/imagenet100/{train,val}/<class>/, for instance with links to the
# ImageNet folders of the classes in imagenet100.txt of the code of CMC (arXiv:1906.05849).
_base_ = "imagenet_pretrain.py"

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmpretrain.CustomDataset",
        data_root="data/imagenet100/train",
        pipeline=_base_.pipeline,
    ),
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmpretrain.CustomDataset",
        data_root="data/imagenet100/val",
        test_mode=True,
        pipeline=_base_.test_dataloader.dataset.pipeline,
    ),
)
