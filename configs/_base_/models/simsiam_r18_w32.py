# SimSiam of MMPretrain on a ResNet-18 of half width: 2.8 M parameters, a size for two cores.
# Projector and predictor keep the paper's shape (three layers, a bottleneck of a quarter).
_base_ = "siamese_r18.py"

model = dict(
    type="SimSiam",
    backbone=dict(stem_channels=32, base_channels=32),
    neck=dict(in_channels=256, hid_channels=512, out_channels=512),
    head=dict(
        type="LatentPredictHead",
        loss=dict(type="CosineSimilarityLoss"),
        predictor=dict(in_channels=512, hid_channels=128, out_channels=512),
    ),
)
