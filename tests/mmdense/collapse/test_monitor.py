"""The monitor on small models of MMPretrain and on heads of the project simsiam_decomp."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import nn

import mmdense  # noqa: F401
import projects.simsiam_decomp  # noqa: F401
from mmdense.collapse import readings
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


def neck(kind, **more):
    sizes = {"in_channels": 32, "hid_channels": 16, "out_channels": 12}
    return {"type": f"mmpretrain.{kind}", **sizes, **more}


def mlp(in_channels=32, **more):
    norm = {"norm_cfg": {"type": "BN1d"}}
    return neck("NonLinearNeck", **{"in_channels": in_channels, **norm, **more})


def head(kind, loss, **more):
    return {"type": f"mmpretrain.{kind}", "loss": {"type": f"mmpretrain.{loss}"}, **more}


PREDICTOR = mlp(12, with_avg_pool=False, with_last_bn=False, with_last_bias=True)
LATENT = head("LatentPredictHead", "CosineSimilarityLoss", predictor=PREDICTOR)
CONTRAST = head("ContrastiveHead", "CrossEntropyLoss", temperature=0.1)
MOMENTUM = {"head": CONTRAST, "queue_len": 12, "feat_dim": 12}
SWAV_HEAD = head("SwAVHead", "SwAVLoss")
SWAV_HEAD["loss"] |= {"feat_dim": 12, "num_prototypes": 8, "num_crops": [2, 2]}
CROSS = head("LatentCrossCorrelationHead", "CrossCorrelationLoss", in_channels=12)
MOCO_V3 = head("MoCoV3Head", "CrossEntropyLoss", predictor=PREDICTOR)
# Model of MMPretrain -> config, number of views that pair, whether there are predictions.
MODELS_OF_MMPRETRAIN = {
    "SimSiam": ({"neck": mlp(with_last_bn_affine=False), "head": LATENT}, 2, True),
    "BYOL": ({"neck": mlp(with_last_bn=False), "head": LATENT}, 2, True),
    "MoCo": ({"neck": neck("MoCoV2Neck"), **MOMENTUM}, 1, False),
    "MoCoV3": ({"neck": mlp(), "head": MOCO_V3}, 2, True),
    "SimCLR": ({"neck": mlp(), "head": CONTRAST}, 2, False),
    "BarlowTwins": ({"neck": mlp(with_last_bn=False), "head": CROSS}, 2, False),
    "SwAV": ({"neck": neck("SwAVNeck", norm_cfg={"type": "BN1d"}), "head": SWAV_HEAD}, 4, False),
    "DenseCL": ({"neck": neck("DenseCLNeck"), **MOMENTUM}, 1, False),
}
MODELS_OF_MMPRETRAIN = {
    kind: ({"type": f"mmpretrain.{kind}", "backbone": BACKBONE, **config}, *rest)
    for kind, (config, *rest) in MODELS_OF_MMPRETRAIN.items()
}
SIMCLR = MODELS_OF_MMPRETRAIN["SimCLR"][0]


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


@pytest.mark.parametrize("kind", MODELS_OF_MMPRETRAIN)
def test_models_of_mmpretrain(kind):
    config, number, predicts = MODELS_OF_MMPRETRAIN[kind]
    monitor, step, batch, size, channels = read(config, inputs(kind))
    assert (size, channels) == (IMAGES, 12)
    assert monitor.vectors == number * IMAGES
    assert 0.0 <= step["m_o"] <= 1.0
    assert step["m_o"] ** 2 + step["m_r"] ** 2 <= 1.0 + 1e-6
    assert 1.0 <= batch["rank"] <= IMAGES - 1 + 1e-6
    assert ("eta_p" in batch) == predicts
    assert ("alignment" in batch) == (number > 1)
    assert ("o_e" in batch) == (number > 1)
    assert (not math.isnan(step["p_m_o"])) == predicts
    assert monitor.centre_hidden == (kind == "SimSiam")
    assert math.isnan(step["m_o_before_norm"]) != (kind == "SimSiam")


@pytest.mark.parametrize("kind", ["SimCLR", "SwAV"])
def test_views_pair(kind):
    # Two equal views: alignment is zero only if the rows are paired in the layout of the model.
    image, _, *small = inputs(kind)
    *_, batch, _, _ = read(MODELS_OF_MMPRETRAIN[kind][0], [image, image.clone(), *small])
    assert batch["alignment"] == pytest.approx(0.0, abs=1e-6)


def test_models_that_reconstruct_images_are_read_at_their_encoder():
    arch = {"embed_dims": 24, "num_layers": 1, "num_heads": 2, "feedforward_channels": 24}
    backbone = {"type": "mmpretrain.MAEViT", "arch": arch, "img_size": 32, "patch_size": 8}
    decoder = {"embed_dim": 24, "decoder_embed_dim": 16, "decoder_depth": 1, "decoder_num_heads": 2}
    decoder |= {"type": "mmpretrain.MAEPretrainDecoder", "num_patches": 16, "patch_size": 8}
    loss = head("MAEPretrainHead", "PixelReconstructionLoss", patch_size=8)
    loss["loss"]["criterion"] = "L2"
    config = {"type": "mmpretrain.MAE", "backbone": backbone, "neck": decoder, "head": loss}
    monitor, step, batch, size, channels = read(config, inputs("MAE")[0])
    assert monitor.parts.encoder_only
    assert (size, channels, monitor.vectors) == (IMAGES, 24, IMAGES)
    assert 0.0 < step["m_o"] <= 1.0
    assert "alignment" not in batch


class _OfVectors(nn.Module):
    """A linear encoder on vectors and a head of the project simsiam_decomp."""

    def __init__(self, head):
        super().__init__()
        self.backbone, self.neck = nn.Linear(10, 12), nn.Linear(12, 12)
        self.head = MODELS.build(head)


def simsiam_extra(z_b, p_b):
    return z_b - p_b


def mirror_extra(z_b, p_b):
    return p_b - z_b


FC = {"type": "mmdense.AffinePredictor", "channels": 12, "layers": ["fc"]}
BOTH = {"type": "mmdense.ComponentCutHead", "centre_weight": 1.0, "residual_weight": 1.0}
# Head -> its config, the vectors that get the gradient, the extra gradient of its loss.
HEADS = {
    "simsiam": ({"type": "mmdense.SimSiamHead", "predictor": FC}, "p", simsiam_extra),
    "mirror": ({"type": "mmdense.MirrorSimSiamHead", "predictor": FC}, "z", mirror_extra),
    "cut simsiam": (
        {**BOTH, "method": "simsiam", "predictor": FC, "predictor_loss": True},
        "p",
        simsiam_extra,
    ),
    "cut mirror": (
        {**BOTH, "method": "mirror", "predictor": FC, "predictor_loss": True},
        "z",
        mirror_extra,
    ),
    "infonce": ({**BOTH, "method": "infonce", "temperature": 0.1}, "z", None),
    "phased": (
        {
            "type": "mmdense.PhasedHead",
            "heads": {"one": {"type": "mmdense.SimSiamHead", "predictor": FC}},
        },
        "p",
        simsiam_extra,
    ),
}


@pytest.mark.parametrize("kind", HEADS)
def test_extra_gradient_and_eta_are_those_of_the_pure_functions(kind):
    head, vectors, extra_of = HEADS[kind]
    model, monitor, z = watched(head)
    sum(model.head.loss(z, []).values()).backward()
    step = dict(zip(STEP, monitor.read_step(IMAGES).tolist(), strict=True))
    found, _, _ = monitor.read_batch()

    z = [view.detach() for view in z]
    unit_z = p = [F.normalize(view, dim=1) for view in z]
    predictor = monitor.parts.predictor
    if predictor is not None:
        with torch.no_grad():
            p = [predictor((view,))[0] for view in z]
        unit_p = [F.normalize(view, dim=1) for view in p]
        assert step["p_m_o"] == pytest.approx(float(torch.cat(unit_p).mean(dim=0).norm()), rel=1e-5)
        o_z, o_p = unit_z[1].mean(dim=0), unit_p[1].mean(dim=0)
        assert found["eta_p"] == pytest.approx(float((o_z - o_p) @ o_p / (o_p @ o_p)), rel=1e-4)
        extra = extra_of(unit_z[1], unit_p[1])
    else:
        extra = -(unit_z[0] @ unit_z[1].T / 0.1).softmax(dim=1) @ unit_z[1]
    features = p if vectors == "p" else z
    pull = F.normalize(features[1], dim=1)
    descent = (pull + extra) / features[0].norm(dim=1, keepdim=True)
    wanted = readings.gradient_readings(features[0], -descent, features[1])
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


def watched(head):
    """A model of vectors, its monitor, and the projections of two views."""
    torch.manual_seed(0)
    model = _OfVectors(head)
    monitor = Monitor(model, layout=None)
    monitor.begin(with_gradients=True)
    return model, monitor, [model.neck(model.backbone(torch.randn(IMAGES, 10))) for _ in range(2)]


def test_four_calls_of_an_inverse_predictor_pair():
    model, monitor, z = watched({"type": "mmdense.InversePredictorHead", "predictor": FC})
    sum(model.head.loss(z, []).values()).backward()
    monitor.read_step(IMAGES)
    assert {"eta_p", "rank_gap", "o_e", "r_e"} <= set(monitor.read_batch()[0])


def test_the_gradient_is_that_of_the_view_that_learns():
    # The first view is detached: the gradient is that of the second, and its pull is the first.
    _, monitor, z = watched({"type": "mmdense.NaiveSiameseHead"})
    torch.cosine_similarity(z[0].detach(), z[1]).mean().neg().backward()
    monitor.read_step(IMAGES)
    found = monitor.read_batch()[0]
    assert found["r_e"] == pytest.approx(0.0, abs=1e-5)


def test_tensors_are_made_on_the_device_of_the_readings(monkeypatch):
    # A collective operation of a GPU takes no tensor of the CPU.
    _, monitor, _ = watched({"type": "mmdense.NaiveSiameseHead"})
    monitor.read_step(IMAGES)
    monkeypatch.setattr("torch.tensor", lambda *_, **__: pytest.fail("made on the CPU"))
    monitor.read_batch()
    assert monitor.vectors == 2 * IMAGES


def test_two_steps_have_a_drift():
    model = MODELS.build(SIMCLR).train()
    monitor = Monitor(model, layout=None)
    drifts = []
    for _ in range(2):
        monitor.begin(with_gradients=False)
        model.loss(inputs("SimCLR"), [])
        drifts.append(dict(zip(STEP, monitor.read_step(IMAGES).tolist()))["drift"])
    assert math.isnan(drifts[0])
    assert drifts[1] == pytest.approx(1.0, abs=1e-4)


def test_an_unused_projector_and_views_of_different_shapes():
    model = MODELS.build(SIMCLR)
    monitor = Monitor(model.train(), layout="calls")
    with pytest.raises(ValueError, match="projector was not called"):
        monitor.read_step(IMAGES)
    with torch.no_grad():
        for count in (4, 6):
            model.neck(model.backbone(torch.randn(count, 3, 32, 32)))
    with pytest.raises(ValueError, match=r"shapes \[\(4, 12\), \(6, 12\)\].*CollapseHook.views"):
        monitor.read_step(IMAGES)


def test_non_finite_vectors_have_no_batch_readings():
    model = MODELS.build(SIMCLR)
    monitor = Monitor(model.train(), layout=None)
    with torch.no_grad():
        model.neck(model.backbone(torch.full((2 * IMAGES, 3, 32, 32), math.nan)))
    assert math.isnan(float(monitor.read_step(IMAGES)[0]))
    assert monitor.read_batch()[0] == {}
