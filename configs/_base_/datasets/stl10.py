# STL-10, 96x96: the 5,000 labelled training images and 8,000 test images, for the probes.
# To pretrain on its 100,000 images without labels: train_dataloader.dataset.split="unlabelled"
# Prepare the folder first: mmdense prepare_data stl10 --source FOLDER_OR_ARCHIVE
# One of the publisher's ten folds of 1,000 training images: train_dataloader.dataset.fold=0
_base_ = "cifar10.py"

data_preprocessor = dict(
    # of ImageNet, whose images these are, RGB, from 0 to 255; mmdense.STL10 gives RGB
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    common=dict(_delete_=True, size=96),
)
train_dataloader = dict(dataset=dict(type="mmdense.STL10", data_root="data/stl10"))
test_dataloader = dict(dataset=dict(type="mmdense.STL10", data_root="data/stl10"))
