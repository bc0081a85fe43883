"""Losses in phases, and the rescue."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub
from mmengine.runner.priority import get_priority

from mmdense.collapse.collapse_hook import CollapseHook
from mmdense.collapse.history import History
from mmdense.records.record_hook import RecordHook
from mmdense.registry import HOOKS
from projects.simsiam_decomp.phases import PhaseHook, ends_of_phases, phase_at
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
    return HOOKS.build({"type": "mmdense.PhaseHook", **options})


def runner(head, **state):
    hub = MessageHub(f"phases{id(head)}")
    model = SimpleNamespace(head=head)
    facts = {"model": model, "message_hub": hub, "iter": 0, "epoch": 0, "rank": 0, "hooks": []}
    return SimpleNamespace(**{**facts, **state})


def test_phase_at():
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
        verdicts = ("healthy", "the last BatchNorm hides the centre", "complete collapse")
        run.message_hub.update_info("collapse_verdict", verdicts[min(run.iter, 2)])
        switch.before_train_iter(run, 0)
        seen.append(head.phase)
    assert seen == ["pull"] * 2 + ["spread"] * 3 + ["pull"] * 5


def test_a_rescue_that_nothing_would_start_is_refused():
    switch = hook(phases=[{"head": "pull"}], rescue="spread")
    with pytest.raises(ValueError, match=r"rescue.* add dict\(type='mmdense.Collap"):
        switch.before_train(runner(build(HEADS)))
    switch.before_train(runner(build(HEADS), hooks=[CollapseHook()]))


def test_ends_of_phases():
    curve = [(step, float(step)) for step in range(1, 11)]
    once = [(0, "a"), (4, "b")]
    assert ends_of_phases(curve, once, 10) == {"a": 4.0, "b": 10.0}
    # a ends at 2, 5, 8, b at 3, 6 and, cut short, at 10 of 11: the first ones and the cut one go.
    cycle = [(0, "a"), (2, "b"), (3, "a"), (5, "b"), (6, "a"), (8, "b")]
    assert ends_of_phases(curve, cycle, 9) == {"a": (5 + 8) / 2, "b": (6 + 9) / 2}
    cut = [(0, "a"), (4, "b"), (5, "a"), (9, "b")]
    assert ends_of_phases(curve, [*cut, (10, "a")], 11) == {"a": 9.0, "b": 10.0}
    assert ends_of_phases([(1, 1.0), (2, None)], [(0, "a"), (2, "b")], 4) == {"a": 1.0}


def test_the_record_has_the_end_of_each_phase(tmp_path, monkeypatch):
    found = {}
    monkeypatch.setattr(RecordHook, "add_metrics", lambda _, metrics, **__: found.update(metrics))
    history = History()
    for step in range(1, 7):
        history.add(step, {"m_o": 0.1 * step, "m_r": 1.0 - 0.1 * step})
    history.write(tmp_path)
    head = build(HEADS)
    switch = hook(phases=[{"head": "pull", "length": 2}, {"head": "spread"}])
    hooks = [CollapseHook(), RecordHook()]
    run = runner(head, hooks=hooks, work_dir=str(tmp_path))
    switch.before_train(run)
    for run.iter in range(6):
        switch.before_train_iter(run, 0)
    run.iter = 6
    switch.after_train(run)
    expected = {
        **{"phase/pull/m_o": 0.2, "phase/spread/m_o": 0.6},
        **{"phase/pull/m_r": 0.8, "phase/spread/m_r": 0.4},
    }
    assert found == pytest.approx(expected)


def test_the_hooks_run_in_the_order_that_the_record_needs():
    ranks = [get_priority(each.priority) for each in (CollapseHook, PhaseHook, RecordHook)]
    assert ranks == sorted(set(ranks))


def test_bad_options():
    for phases in ([], [{"head": "a"}, {"head": "b"}], [{"head": "a", "length": 0}, {"head": "b"}]):
        with pytest.raises(ValueError, match="needs a length of at least 1"):
            hook(phases=phases)
    with pytest.raises(ValueError, match="needs a length of at least 1"):
        hook(phases=[{"head": "a"}], cycle=True)
    with pytest.raises(ValueError, match="rescue_length must be at least 1, found 0"):
        hook(phases=[{"head": "pull"}], rescue="spread", rescue_length=0)
    with pytest.raises(ValueError, match="heads is empty"):
        build({"type": "mmdense.PhasedHead", "heads": {}})
    with pytest.raises(ValueError, match="other .*; model.head.heads has pull, spread"):
        hook(phases=[{"head": "pull"}], rescue="other").before_train(runner(build(HEADS)))
    with pytest.raises(ValueError, match="model.head is NaiveSiameseHead"):
        head = build({"type": "mmdense.NaiveSiameseHead"})
        hook(phases=[{"head": "pull"}]).before_train(runner(head))
