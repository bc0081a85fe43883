"""SimSiam on CIFAR-10, ResNet-18, lr 0.03, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, appendix D, there 800 epochs: train_cfg.max_epochs=800.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_cifar10_lr003_200e.py
Machine: one or more GPUs with a total batch size of 512; not measured.
Expected: lightly reports 76.4 (k-NN, k = 200, the best epoch) with its own augmentation; after 800
    epochs the paper reports 91.8 (linear probe), lightly 90.4 (k-NN). Not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=512/N by --cfg-options. study_recipes.py has
    ResNet-50 and the other data sets.
"""

_base_ = [
    "../_base_/models/siamese_r18_cifar.py",
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_siamese.py",
]

model = dict(neck=dict(num_layers=2))
train_dataloader = dict(batch_size=512)
lr = 0.03 * 512 / 256
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=5e-4))
default_hooks = dict(predictor_lr=dict(lr=lr))

expected = []
