# The same for 32x32 and 64x64: a 3x3 stem without pooling.
_base_ = "siamese_r18.py"

model = dict(backbone=dict(type="ResNet_CIFAR"))
