"""The monitor on MMPretrain's own models, as their configs build them, in miniature."""

import math

import pytest
import torch
from mmengine.structures import BaseDataElement

import mmdense  # noqa: F401
from mmdense.collapse.monitor import STEP, Monitor
from mmdense.registry import MODELS

IMAGES = 6
BACKBONE = {
    "type": "mmpretrain.ResNet",
    "depth": 18,
    "stem_channels": 4,
    "base_channels": 4,
    "norm_cfg": {"type": "BN"},
}
CROSS_ENTROPY = {"type": "mmpretrain.CrossEntropyLoss"}


def mlp(in_channels=32, **more):
    return {
        "type": "mmpretrain.NonLinearNeck",
        "in_channels": in_channels,
        "hid_channels": 16,
        "out_channels": 12,
        "norm_cfg": {"type": "BN1d"},
        **more,
    }


PREDICTOR = mlp(12, with_avg_pool=False, with_last_bn=False, with_last_bias=True)
LATENT = {
    "type": "mmpretrain.LatentPredictHead",
    "loss": {"type": "mmpretrain.CosineSimilarityLoss"},
    "predictor": PREDICTOR,
}
CONTRAST = {"type": "mmpretrain.ContrastiveHead", "loss": CROSS_ENTROPY, "temperature": 0.1}
MOMENTUM = {"queue_len": 12, "feat_dim": 12}
# Model -> config, views that pair, whether there are predictions.
HOSTS = {
    "SimSiam": ({"neck": mlp(with_last_bn_affine=False), "head": LATENT}, 2, True),
    "BYOL": ({"neck": mlp(with_last_bn=False), "head": LATENT}, 2, True),
    "MoCo": (
        {
            "neck": {
                "type": "mmpretrain.MoCoV2Neck",
                "in_channels": 32,
                "hid_channels": 16,
                "out_channels": 12,
            },
            "head": CONTRAST,
            **MOMENTUM,
        },
        1,
        False,
    ),
    "MoCoV3": (
        {
            "neck": mlp(),
            "head": {
                "type": "mmpretrain.MoCoV3Head",
                "predictor": PREDICTOR,
                "loss": CROSS_ENTROPY,
            },
        },
        2,
        True,
    ),
    "SimCLR": ({"neck": mlp(), "head": CONTRAST}, 2, False),
    "BarlowTwins": (
        {
            "neck": mlp(with_last_bn=False),
            "head": {
                "type": "mmpretrain.LatentCrossCorrelationHead",
                "in_channels": 12,
                "loss": {"type": "mmpretrain.CrossCorrelationLoss"},
            },
        },
        2,
        False,
    ),
    "SwAV": (
        {
            "neck": {
                "type": "mmpretrain.SwAVNeck",
                "in_channels": 32,
                "hid_channels": 16,
                "out_channels": 12,
                "norm_cfg": {"type": "BN1d"},
            },
            "head": {
                "type": "mmpretrain.SwAVHead",
                "loss": {
                    "type": "mmpretrain.SwAVLoss",
                    "feat_dim": 12,
                    "num_prototypes": 8,
                    "num_crops": [2, 2],
                },
            },
        },
        4,
        False,
    ),
    "DenseCL": (
        {
            "neck": {
                "type": "mmpretrain.DenseCLNeck",
                "in_channels": 32,
                "hid_channels": 16,
                "out_channels": 12,
            },
            "head": CONTRAST,
            **MOMENTUM,
        },
        1,
        False,
    ),
}


def inputs(kind):
    generator = torch.Generator().manual_seed(0)
    sizes = [32, 32, 16, 16] if kind == "SwAV" else [32, 32]
    return [torch.randn(IMAGES, 3, size, size, generator=generator) for size in sizes]


def read(config, images):
    torch.manual_seed(0)
    model = MODELS.build(config).train()
    monitor = Monitor(model, layout=None)
    monitor.begin(with_gradients=True)
    samples = [BaseDataElement() for _ in range(IMAGES)]
    losses = model.loss(images, samples)
    sum(value for key, value in losses.items() if "loss" in key).backward()
    step = dict(zip(STEP, monitor.read_step(IMAGES).tolist(), strict=True))
    batch, size, channels = monitor.read_batch()
    return monitor, step, batch, size, channels


@pytest.mark.parametrize("kind", HOSTS)
def test_models_of_mmpretrain(kind):
    config, number, predicts = HOSTS[kind]
    config = {"type": f"mmpretrain.{kind}", "backbone": BACKBONE, **config}
    monitor, step, batch, size, channels = read(config, inputs(kind))
    assert (size, channels) == (IMAGES, 12)
    assert monitor.vectors == number * IMAGES
    assert 0.0 <= step["m_o"] <= 1.0
    assert step["m_o"] ** 2 + step["m_r"] ** 2 <= 1.0 + 1e-6
    assert 1.0 <= batch["rank"] <= IMAGES - 1 + 1e-6
    assert ("eta_p" in batch) == predicts
    assert ("alignment" in batch) == (number > 1)
    assert ("o_e" in batch) == (number > 1)
    assert monitor.centre_hidden == (kind == "SimSiam")
    assert math.isnan(step["m_o_before_norm"]) != (kind == "SimSiam")


def test_views_of_simclr_pair():
    # Two equal views: alignment is zero only if rows are paired as SimCLR lays them.
    config = {"type": "mmpretrain.SimCLR", "backbone": BACKBONE, **HOSTS["SimCLR"][0]}
    image = inputs("SimCLR")[0]
    *_, batch, _, _ = read(config, [image, image.clone()])
    assert batch["alignment"] == pytest.approx(0.0, abs=1e-6)


def test_views_of_swav_pair():
    config = {"type": "mmpretrain.SwAV", "backbone": BACKBONE, **HOSTS["SwAV"][0]}
    image, _, small, _ = inputs("SwAV")
    *_, batch, _, _ = read(config, [image, image.clone(), small, small])
    assert batch["alignment"] == pytest.approx(0.0, abs=1e-6)


def test_models_that_rebuild_pictures_are_read_at_their_encoder():
    config = {
        "type": "mmpretrain.MAE",
        "backbone": {
            "type": "mmpretrain.MAEViT",
            "arch": {
                "embed_dims": 24,
                "num_layers": 1,
                "num_heads": 2,
                "feedforward_channels": 24,
            },
            "img_size": 32,
            "patch_size": 8,
        },
        "neck": {
            "type": "mmpretrain.MAEPretrainDecoder",
            "num_patches": 16,
            "patch_size": 8,
            "embed_dim": 24,
            "decoder_embed_dim": 16,
            "decoder_depth": 1,
            "decoder_num_heads": 2,
        },
        "head": {
            "type": "mmpretrain.MAEPretrainHead",
            "patch_size": 8,
            "loss": {"type": "mmpretrain.PixelReconstructionLoss", "criterion": "L2"},
        },
    }
    monitor, step, batch, size, channels = read(config, inputs("MAE")[0])
    assert monitor.parts.encoder_only
    assert (size, channels, monitor.vectors) == (IMAGES, 24, IMAGES)
    assert 0.0 < step["m_o"] <= 1.0
    assert "alignment" not in batch


def test_two_steps_have_a_drift():
    config = {"type": "mmpretrain.SimCLR", "backbone": BACKBONE, **HOSTS["SimCLR"][0]}
    model = MODELS.build(config).train()
    monitor = Monitor(model, layout=None)
    drifts = []
    for _ in range(2):
        monitor.begin(with_gradients=False)
        model.loss(inputs("SimCLR"), [])
        drifts.append(dict(zip(STEP, monitor.read_step(IMAGES).tolist()))["drift"])
    assert math.isnan(drifts[0])
    assert drifts[1] == pytest.approx(1.0, abs=1e-4)


def test_a_projector_that_is_not_called_and_views_that_do_not_pair():
    model = MODELS.build({"type": "mmpretrain.SimCLR", "backbone": BACKBONE, **HOSTS["SimCLR"][0]})
    monitor = Monitor(model.train(), layout="calls")
    with pytest.raises(ValueError, match="projector was not called"):
        monitor.read_step(IMAGES)
    with torch.no_grad():
        for count in (4, 6):
            model.neck(model.backbone(torch.randn(count, 3, 32, 32)))
    with pytest.raises(ValueError, match=r"do not pair, they are \[\(4, 12\), \(6, 12\)\]"):
        monitor.read_step(IMAGES)


def test_vectors_that_are_not_finite_give_no_batch_reading():
    model = MODELS.build({"type": "mmpretrain.SimCLR", "backbone": BACKBONE, **HOSTS["SimCLR"][0]})
    monitor = Monitor(model.train(), layout=None)
    with torch.no_grad():
        model.neck(model.backbone(torch.full((2 * IMAGES, 3, 32, 32), math.nan)))
    assert math.isnan(float(monitor.read_step(IMAGES)[0]))
    assert monitor.read_batch()[0] == {}
