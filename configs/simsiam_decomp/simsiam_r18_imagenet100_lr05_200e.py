"""SimSiam on ImageNet-100, ResNet-18, lr 0.5, 200 epochs.

Paper: learning rate, batch size and weight decay are those of solo-learn for ImageNet-100;
    crops and projector are those of arXiv:2203.16262.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_imagenet100_lr05_200e.py
Machine: one or more GPUs with a total batch size of 256; not measured.
Expected: solo-learn reports 74.54 (online) and 78.72 (offline linear probe) after 400 epochs; not
    run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=256/N by --cfg-options.
    Depths and schedules: study_recipes.py; methods: study_variants.py; with images=imagenet100.
"""

_base_ = [
    "../_base_/models/siamese_r18.py",
    "../_base_/datasets/imagenet100.py",
    "../_base_/schedules/siamese_lr05.py",
]

model = dict(neck=dict(with_last_bn=False, with_last_bias=True))
data_preprocessor = dict(common=dict(crop_scale=(0.08, 1.0)))
train_dataloader = dict(batch_size=256)

expected = []
