"""The hook in runs: training is not affected, a resume continues the curves, verdicts."""

import math

import pytest
import torch
from torch import nn

from mmdense.collapse.collapse_hook import CollapseError, CollapseHook
from mmdense.collapse.history import read_history
from mmdense.engine.non_finite import NonFiniteError
from mmdense.records.record import load
from tests.mmdense.evaluation.tiny_siamese import Colours, Losses, build, loader, model

PREDICTOR = {
    "type": "mmpretrain.NonLinearNeck",
    "in_channels": 16,
    "hid_channels": 8,
    "out_channels": 16,
    "norm_cfg": {"type": "BN1d"},
    "with_avg_pool": False,
    "with_last_bn": False,
    "with_last_bias": True,
}
HOOK = {"type": "mmdense.CollapseHook", "interval": 2, "images": 8}


class Flat(nn.Module):
    """A backbone of one layer, so that a hundred steps take a second."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 16 * 16, 32)

    def forward(self, images):
        return (self.layer(images.flatten(1)).relu()[:, :, None, None],)


def siamese(head, *, last_bn=False, affine=True):
    """A model with projections of 16 channels and a head of the project simsiam_decomp."""
    import projects.simsiam_decomp  # noqa: F401

    config = model()
    neck = {**config["neck"], "with_last_bn": last_bn, "with_last_bn_affine": affine}
    return {
        "type": "mmdense.SiameseViews",
        "backbone": {"type": Flat},
        "neck": neck,
        "head": head,
    }


def train(folder, head, *, steps=60, lr=0.5, hook=None, change=None, of="neck.fc1", **more):
    """Train a tiny Siamese network and return what the hook wrote.

    ``change`` replaces the output of the module ``of``.
    """
    options = {key: more.pop(key) for key in ("last_bn", "affine") if key in more}
    extra = more.pop("hooks", ())
    more.setdefault("model", siamese(head, **options))
    runner = build(
        folder,
        {**HOOK, "interval": 5, "epochs": 0, **(hook or {})},
        *extra,
        train_cfg={"type": "mmdense.IterBasedTrainLoop", "max_iters": steps},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": lr, "momentum": 0.9}},
        **more,
    )
    if change is not None:
        module = runner.model.get_submodule(of)
        module.register_forward_hook(lambda module, inputs, output: change(output))
    try:
        runner.train()
    finally:
        train.runner = runner
    return read_history(folder)


def train_briefly(folder, head=None, **more):
    """As train, for one step, after which there is a verdict."""
    hook = {"interval": 1, "patience": 1, **more.pop("hook", {})}
    return train(folder, head or losses_head("NegativeCosine"), steps=1, lr=0.0, hook=hook, **more)


def nan(output):
    return output * math.nan


def losses_head(*names):
    losses = [{"type": f"mmdense.{name}Loss"} for name in names]
    return {"type": "mmdense.LossSumHead", "losses": losses}


def test_a_run_with_the_hook_equals_one_without(tmp_path):
    runs = []
    for name, hooks in (("plain", ()), ("watched", (HOOK,))):
        losses = Losses()
        runner = build(tmp_path / name, losses, *hooks)
        runner.train()
        runs.append((losses.losses, runner.model.state_dict()))
    assert runs[0][0] == runs[1][0]
    for key, value in runs[0][1].items():
        assert torch.equal(value, runs[1][1][key]), key


def test_readings_reach_file_hub_visualizer_and_record(tmp_path):
    runner = build(tmp_path, HOOK, {"type": "mmdense.RecordHook"})
    shown = {}
    add = runner.visualizer.add_scalars

    def keep(values, step=0, **more):
        shown.update({name: (step, value) for name, value in values.items()})
        add(values, step=step, **more)

    runner.visualizer.add_scalars = keep
    runner.train()
    found = read_history(tmp_path)
    for name in ("m_o", "rank", "projector/rank_me", "backbone/lidar"):
        value = pytest.approx(found["curves"][name][-1][1])
        assert shown[f"collapse/{name}"] == (6, value), name
    assert [step for step, _ in found["curves"]["m_o"]] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in found["curves"]["covariance"]] == [2, 4, 6]
    assert [step for step, _ in found["curves"]["projector/rank_me"]] == [3, 6]
    assert {spectrum["space"] for spectrum in found["spectra"]} == {"backbone", "projector"}
    assert found["facts"]["centre_floor"] == pytest.approx(1 / math.sqrt(16))
    assert found["facts"]["centre_hidden"] is True
    assert found["curves"]["predictor_lr"][0][1] == 0.05
    assert "train/collapse/m_o" in runner.message_hub.log_scalars
    record = load(tmp_path / "record.json")
    assert record.verdict == {"name": found["verdict"], "reason": found["reason"]}
    assert record.metrics["collapse/collapsed"] == 0.0
    curve = record.curves["collapse/m_o"]  # of six digits
    assert curve == [[step, pytest.approx(m_o, rel=1e-4)] for step, m_o in found["curves"]["m_o"]]
    for name in ("m_o", "m_o_before_norm", "p_m_o", "p_m_r", "p_std", "eta_z"):  # of six digits
        last = found["curves"][name][-1][1]
        assert record.metrics[f"collapse/{name}"] == pytest.approx(last, rel=1e-4), name


def test_a_resume_continues_the_curves(tmp_path):
    saving = {"default_hooks": {"checkpoint": {"type": "CheckpointHook", "interval": 1}}}
    build(tmp_path, HOOK, **saving).train()
    again = build(
        tmp_path, HOOK, **saving, train_cfg={"by_epoch": True, "max_epochs": 4}, resume=True
    )
    again.train()
    steps = [step for step, _ in read_history(tmp_path)["curves"]["m_o"]]
    assert steps == list(range(1, 13))


def test_naive_siamese_collapses_completely(tmp_path):
    found = train(tmp_path, {"type": "mmdense.NaiveSiameseHead"}, steps=100)
    assert found["verdict"] == "complete collapse"
    assert "all images have the same direction" in found["reason"]
    assert found["curves"]["m_o"][-1][1] > 0.95


def test_a_symmetric_predictor_collapses_behind_the_predictor(tmp_path):
    found = train(tmp_path, {"type": "mmdense.SymmetricPredictorHead", "predictor": PREDICTOR})
    curves = found["curves"]
    assert curves["m_o"][-1][1] < 0.7  # the projections alone look healthy
    assert curves["p_m_o"][-1][1] > 0.95
    assert found["verdict"] == "complete collapse"
    assert "predictions have the same direction" in found["reason"]


def test_simsiam_does_not_collapse(tmp_path):
    found = train(tmp_path, {"type": "mmdense.SimSiamHead", "predictor": PREDICTOR})
    assert found["curves"]["p_m_o"][-1][1] < 0.8
    assert "predictions have the same direction" not in found["reason"]


def test_naive_siamese_with_a_batchnorm_loses_its_dimensions(tmp_path):
    head = {"type": "mmdense.NaiveSiameseHead"}
    found = train(tmp_path, head, steps=100, last_bn=True, affine=False)
    assert found["curves"]["m_o"][-1][1] < 0.9
    assert found["verdict"] == "dimensional collapse"


def test_a_predictor_that_diverged(tmp_path):
    head = {"type": "mmdense.SimSiamHead", "predictor": PREDICTOR}
    found = train_briefly(tmp_path, head, change=nan, of="head.predictor.fc1")
    assert found["verdict"] == "diverged"
    assert "predictions contain NaN" in found["reason"]


def test_a_non_finite_step_is_a_verdict_before_the_run_stops(tmp_path):
    with pytest.raises(NonFiniteError):
        train_briefly(tmp_path, change=nan, hooks=[{"type": "mmdense.NonFiniteHook"}])
    found = read_history(tmp_path)
    assert found["verdict"] == "diverged"
    assert "iteration 0: loss nan" in found["reason"]


def test_vectors_on_a_line_are_a_dimensional_collapse(tmp_path):
    # Two opposite directions: the centre is zero, the deviation that of a full sphere.
    def on_a_line(output):
        sign = torch.ones(len(output), 1)
        sign[::2] = -1.0
        return output * 1e-3 + torch.ones_like(output) / 4 * sign

    found = train_briefly(tmp_path, change=on_a_line)
    assert found["verdict"] == "dimensional collapse"
    assert found["curves"]["m_o"][-1][1] < 0.3
    assert "effective rank 1" in found["reason"]


def test_the_last_batchnorm_hides_the_centre(tmp_path):
    # Before the last BatchNorm all vectors have one direction; after it they look spread.
    found = train_briefly(tmp_path, change=lambda output: output + 50.0, last_bn=True, affine=False)
    assert found["curves"]["m_o"][-1][1] < found["facts"]["centre_floor"]
    assert found["curves"]["m_o_before_norm"][-1][1] > 0.95
    assert found["verdict"] == "the last BatchNorm hides the centre"


def test_a_loss_that_spreads_is_healthy(tmp_path):
    found = train(tmp_path, losses_head("NegativeCosine", "Uniformity"), lr=0.1)
    assert found["verdict"] == "healthy"


def test_a_run_that_diverged(tmp_path):
    found = train_briefly(tmp_path, change=nan)
    assert found["verdict"] == "diverged"
    assert found["curves"]["m_o"][-1][1] is None


def test_projections_of_length_zero_are_a_collapse(tmp_path):
    found = train_briefly(tmp_path, hook={"epochs": 1}, change=lambda output: output * 0.0)
    last = {name: curve[-1][1] for name, curve in found["curves"].items()}
    assert found["verdict"] == "complete collapse"
    assert "half of the projections have length zero" in found["reason"]
    assert (last["norm"], last["m_r"], last["std"]) == (0.0, 0.0, 0.0)
    assert last["rank"] == pytest.approx(1.0, abs=1e-3)
    assert last["o_e"] is None  # there is no pull as unit


def test_a_batch_of_one_image_has_no_verdict(tmp_path):
    config = siamese(losses_head("NegativeCosine"))
    config["neck"]["norm_cfg"] = {"type": "LN"}  # a BatchNorm cannot train on one image
    images = loader({"type": Colours, "draws": True}, batch_size=1)
    found = train_briefly(tmp_path, model=config, train_dataloader=images)
    assert found["verdict"] == "too early to say"
    assert "a batch of one image" in found["reason"]
    assert "rank" not in found["curves"]
    assert len(found["curves"]["m_o"]) == 1


def test_a_collapse_has_to_last(tmp_path):
    head = {"type": "mmdense.NaiveSiameseHead"}
    hook = {"limits": {"centre": 0.01}, "patience": 3, "on_collapse": ("stop",)}
    train(tmp_path / "short", head, steps=11, lr=0.0, hook={**hook, "on_collapse": ()})
    with pytest.raises(CollapseError, match="stopped at step 15: complete collapse"):
        train(tmp_path / "long", head, steps=30, lr=0.0, hook=hook)
    assert read_history(tmp_path / "long")["verdict"] == "complete collapse"


def test_a_snapshot_is_a_checkpoint(tmp_path):
    hook = {"limits": {"centre": 0.01}, "patience": 1, "on_collapse": ("snapshot", "warn")}
    train(tmp_path, {"type": "mmdense.NaiveSiameseHead"}, steps=7, lr=0.0, hook=hook)
    saved = list(tmp_path.glob("collapse_iter_*.pth"))
    assert [file.name for file in saved] == ["collapse_iter_5.pth"]


def test_a_rescue_brings_the_residual_back(tmp_path):
    head = {
        "type": "mmdense.PhasedHead",
        "heads": {
            "pull": losses_head("NegativeCosine"),
            "spread": losses_head("Decorrelation", "Centre"),
        },
    }
    phases = {
        "type": "mmdense.PhaseHook",
        "phases": [{"head": "pull"}],
        "rescue": "spread",
        "rescue_length": 60,
    }
    found = train(tmp_path, head, steps=140, hook={"limits": {"centre": 0.9}}, hooks=[phases])
    m_o = [value for _, value in found["curves"]["m_o"]]
    end = train.runner.message_hub.runtime_info["collapse_rescue_end"]
    assert m_o[end - 61] > 0.85
    assert min(m_o[end - 60 : end]) < 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": 0}, "CollapseHook.interval must be 1 or more, found 0"),
        ({"epochs": -1}, "CollapseHook.epochs must be 0 or more"),
        ({"images": 1}, "CollapseHook.images must be 2 or more"),
        ({"patience": 0}, "CollapseHook.patience must be 1 or more"),
        ({"on_collapse": ("pray",)}, r"CollapseHook.on_collapse.*\['pray'\]"),
        ({"views": "both"}, "CollapseHook.views .*'both'"),
        ({"on_collapse": "stop"}, r"on_collapse must be a list.*\['stop'\]"),
        ({"limits": {"center": 0.9}}, r"limits.*\['center'\].* centre, rank, least_rank"),
        ({"limits": {"centre": 2.0}}, "between 0 and 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        CollapseHook(**options)


def test_a_missing_module_stops_the_run_before_its_first_step(tmp_path):
    runner = build(tmp_path, {**HOOK, "projector": "projector"})
    with pytest.raises(ValueError, match="projector='projector': SimSiam has no such module"):
        runner.train()
    assert runner.iter == 0
