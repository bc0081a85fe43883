"""Readings from checkpoints: their order, options of the hook, and unsuitable files."""

import math

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

import mmdense  # noqa: F401
from mmdense.collapse.checkpoint_readings import history_of_checkpoints, read_features
from mmdense.collapse.history import History
from mmdense.collapse.taps import find_parts
from tests.mmdense.evaluation.tiny_siamese import PREPROCESSOR, Colours, loader, model


def config(*hooks, **changes):
    content = {
        "model": model(),
        "data_preprocessor": PREPROCESSOR,
        "train_dataloader": loader({"type": Colours, "size": 20}),
        "custom_hooks": list(hooks),
        "default_scope": "mmpretrain",
    }
    return Config({**content, **changes})


def built(seed):
    init_default_scope("mmpretrain")
    torch.manual_seed(seed)
    return MODELS.build({**model(), "data_preprocessor": PREPROCESSOR})


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = [folder / name for name in ("first.pth", "second.pth")]
    for step, path in enumerate(paths, start=1):
        content = {"state_dict": built(step).state_dict(), "meta": {"iter": 10 * step}}
        torch.save(content, path)
    return paths


def test_each_checkpoint_is_a_point_at_its_iteration(checkpoints):
    history = history_of_checkpoints(config(), checkpoints)
    assert [step for step, _ in history.points("m_o")] == [10, 20]
    for name in (
        "std",
        "rank",
        "eta_p",
        "p_m_o",
        "alignment",
        "m_o_before_norm",
        "projector/rank_me",
    ):
        values = [value for _, value in history.points(name)]
        assert len(values) == 2
        assert all(map(math.isfinite, values))
    assert history.points("o_e") == []  # it needs the loss's gradient
    assert history.facts["checkpoints"] == ["first.pth", "second.pth"]
    assert history.facts["method"] == "SimSiam with LatentPredictHead"
    assert history.facts["spaces"]["projector"] == {"images": 20, "channels": 16}
    assert (history.facts["batch"], history.facts["vectors"]) == (20, 40)
    assert history.facts["centre_hidden"] is True
    assert history.facts["fixed_images"] == "clean"
    assert history.verdict[0]
    spaces = [spectrum["space"] for spectrum in history.state()["spectra"]]
    assert spaces == ["backbone", "projector"] * 2


def test_a_point_does_not_depend_on_the_others(checkpoints):
    both = history_of_checkpoints(config(), checkpoints)
    alone = history_of_checkpoints(config(), checkpoints[1:])
    for name in ("m_o", "rank", "eta_p", "projector/rank_me", "m_o_before_norm"):
        assert alone.last(name) == pytest.approx(both.last(name), rel=1e-6)


def test_options_of_the_hook_of_the_config(checkpoints):
    hook = {"type": "mmdense.CollapseHook", "images": 6, "limits": {"centre": 0.5}, "priority": 30}
    for cfg in (config(hook), config(default_hooks={"timer": None, "collapse": hook})):
        history = history_of_checkpoints(cfg, checkpoints[:1])
        assert history.facts["batch"] == 6
        assert history.facts["limits"]["centre"] == 0.5
    more = history_of_checkpoints(config(hook), checkpoints[:1], images=8)
    assert more.facts["batch"] == 8


def test_readings_are_those_of_the_features():
    simsiam = built(0)
    parts = find_parts(simsiam)
    z = torch.zeros(2, 2, 16)  # two images, two views; each image one axis
    z[0, :, 0] = z[1, :, 1] = 3.0
    history = History()
    read_features(history, 5, {"projector": z}, model=simsiam, parts=parts)
    # The mean of two axes is (1/2, 1/2): of length sqrt(1/2), and so is every residual.
    assert history.last("m_o") == pytest.approx(math.sqrt(0.5))
    assert history.last("m_r") == pytest.approx(math.sqrt(0.5))
    assert history.last("norm") == pytest.approx(3.0)
    assert history.last("alignment") == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("SimCLR", {"type": "ContrastiveHead", "loss": {"type": "CrossEntropyLoss"}}),
        ("BYOL", model()["head"]),
    ],
)
def test_other_models_of_mmpretrain(tmp_path, kind, head):
    import mmpretrain.models  # noqa: F401

    changed = {**model(), "type": f"mmpretrain.{kind}", "head": head}
    init_default_scope("mmpretrain")
    network = MODELS.build({**changed, "data_preprocessor": PREPROCESSOR})
    torch.save(network.state_dict(), tmp_path / "a.pth")
    history = history_of_checkpoints(config(model=changed), [tmp_path / "a.pth"])
    assert history.facts["vectors"] == 40  # two views of 20 images
    assert math.isfinite(history.last("alignment"))
    assert (history.last("eta_p") is None) == (kind == "SimCLR")  # which has no predictor


def test_unsuitable_checkpoints_and_configs(checkpoints, tmp_path):
    weights = built(0).state_dict()
    key = next(iter(weights))
    for change, message in (
        ({}, f"lacks {key}"),
        ({key: torch.zeros(1)}, f"size mismatch for {key}"),
    ):
        path = tmp_path / "bad.pth"
        torch.save({"state_dict": {k: v for k, v in weights.items() if k != key} | change}, path)
        with pytest.raises(ValueError, match=message):
            history_of_checkpoints(config(), [checkpoints[0], path])
    with pytest.raises(ValueError, match="has no train_dataloader"):
        history_of_checkpoints(config(train_dataloader=None), checkpoints)
    with pytest.raises(ValueError, match="two images, found 1"):
        history_of_checkpoints(config(), checkpoints, images=1)
    with pytest.raises(FileNotFoundError, match="absent.pth does not exist"):
        history_of_checkpoints(config(), ["absent.pth"])


def test_broken_weights_are_a_divergence(tmp_path):
    simsiam = built(0)
    with torch.no_grad():
        for parameter in simsiam.parameters():
            parameter.fill_(math.nan)
    torch.save(simsiam.state_dict(), tmp_path / "nan.pth")
    history = history_of_checkpoints(config(), [tmp_path / "nan.pth"])
    assert history.verdict[0] == "diverged"
    assert history.points("rank") == []
    assert [step for step, _ in history.points("m_o")] == [1]  # without meta: the place
