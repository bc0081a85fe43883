"""Losses in phases, and the rescue."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

import mmdense  # noqa: F401
from tests.simsiam_decomp.small_views import build, views

HEADS = {
    "type": "mmdense.PhasedHead",
    "heads": {
        "pull": {"type": "mmdense.NaiveSiameseHead"},
        "spread": {
            "type": "mmdense.LossSumHead",
            "losses": [{"type": "mmdense.DecorrelationLoss"}],
        },
    },
}


def hook(**options):
    import projects.simsiam_decomp  # noqa: F401
    from mmdense.registry import HOOKS

    return HOOKS.build({"type": "mmdense.PhaseHook", **options})


def runner(head, **state):
    hub = MessageHub(f"phases{id(head)}")
    model = SimpleNamespace(head=head)
    return SimpleNamespace(**{"model": model, "message_hub": hub, "iter": 0, "epoch": 0, **state})


def test_phase_at():
    from projects.simsiam_decomp.phases import phase_at

    phases = [("a", 2), ("b", 3), ("c", None)]
    named = [phase_at(step, phases, cycle=False) for step in range(8)]
    assert named == ["a", "a", "b", "b", "b", "c", "c", "c"]
    named = [phase_at(step, phases[:2], cycle=True) for step in range(8)]
    assert named == ["a", "a", "b", "b", "b", "a", "a", "b"]


def test_the_head_in_use_gives_the_loss():
    head = build(HEADS)
    assert set(head.loss(views(), [])) == {"loss"}
    switch = hook(phases=[{"head": "pull", "length": 3}, {"head": "spread"}])
    run = runner(head)
    switch.before_train(run)
    seen = []
    for run.iter in range(5):
        switch.before_train_iter(run, 0)
        seen.append(head.phase)
    assert seen == ["pull"] * 3 + ["spread"] * 2
    assert set(head.loss(views(), [])) == {"loss_decorrelation"}


def test_by_epoch_and_in_a_cycle():
    head = build(HEADS)
    phases = [{"head": "pull", "length": 1}, {"head": "spread", "length": 1}]
    switch = hook(phases=phases, by_epoch=True, cycle=True)
    run = runner(head, iter=100)
    seen = []
    for run.epoch in range(4):
        switch.before_train_iter(run, 0)
        seen.append(head.phase)
    assert seen == ["pull", "spread", "pull", "spread"]


def test_one_rescue_after_a_verdict_of_collapse():
    head = build(HEADS)
    switch = hook(phases=[{"head": "pull"}], rescue="spread", rescue_length=3)
    run = runner(head)
    seen = []
    for run.iter in range(10):
        if run.iter == 2:
            run.message_hub.update_info("collapse_verdict", "complete collapse")
        switch.before_train_iter(run, 0)
        seen.append(head.phase)
    assert seen == ["pull"] * 2 + ["spread"] * 3 + ["pull"] * 5


def test_a_verdict_without_collapse_starts_nothing():
    head = build(HEADS)
    switch = hook(phases=[{"head": "pull"}], rescue="spread")
    run = runner(head)
    for verdict in ("healthy", "diverged", "the last BatchNorm hides the centre"):
        run.message_hub.update_info("collapse_verdict", verdict)
        switch.before_train_iter(run, 0)
        assert head.phase == "pull"


def test_bad_options():
    for phases in ([], [{"head": "a"}, {"head": "b"}], [{"head": "a", "length": 0}, {"head": "b"}]):
        with pytest.raises(ValueError, match="each needs a length of 1 or more"):
            hook(phases=phases)
    with pytest.raises(ValueError, match="each needs a length of 1 or more"):
        hook(phases=[{"head": "a"}], cycle=True)
    with pytest.raises(ValueError, match="heads is empty"):
        build({"type": "mmdense.PhasedHead", "heads": {}})
    with pytest.raises(ValueError, match="names other; the head has pull, spread"):
        hook(phases=[{"head": "pull"}], rescue="other").before_train(runner(build(HEADS)))
    with pytest.raises(ValueError, match="model.head is NaiveSiameseHead"):
        head = build({"type": "mmdense.NaiveSiameseHead"})
        hook(phases=[{"head": "pull"}]).before_train(runner(head))
