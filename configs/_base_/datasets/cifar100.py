# CIFAR-100, 32x32, the 100 fine labels: for pretraining with batched views, and for the probes.
# Prepare the folder first: mmdense prepare_data cifar100 --source FOLDER_OR_ARCHIVE
_base_ = "cifar10.py"

data_preprocessor = dict(
    # per channel over the training images, RGB, from 0 to 255, as MMPretrain's cifar100_bs16
    mean=(129.304, 124.070, 112.434),
    std=(68.170, 65.392, 70.418),
)
train_dataloader = dict(dataset=dict(type="mmdense.CIFAR100", data_root="data/cifar100"))
test_dataloader = dict(dataset=dict(type="mmdense.CIFAR100", data_root="data/cifar100"))
