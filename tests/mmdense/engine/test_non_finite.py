import warnings

import pytest
import torch

from mmdense.engine.non_finite import NonFiniteError, NonFiniteHook
from tests.mmdense.engine.tiny_task import build, lines


def state(runner):
    return {key: value.clone() for key, value in runner.model.state_dict().items()}


def run_on_poison(tmp_path, **options):
    """One sample of eight is NaN: one step of the three of each epoch is bad."""
    hook = NonFiniteHook(**options)
    return build(tmp_path / "run", journal=tmp_path / "j.txt", hooks=[hook], poison=5)


def test_it_stops_before_weights_change_and_gives_advice(tmp_path):
    runner = run_on_poison(tmp_path)
    with pytest.raises(NonFiniteError, match=r"iteration \d: loss nan; .*mmdense replay") as error:
        runner.train()
    assert all(value.isfinite().all() for value in state(runner).values())
    (saved,) = (tmp_path / "run" / "non_finite").iterdir()
    assert str(saved) in str(error.value)


def test_it_skips_the_step_and_keeps_weights_buffers_and_momentum(tmp_path):
    runner = run_on_poison(tmp_path, action="skip")
    runner.train()
    seen = lines(tmp_path / "j.txt")
    bad = [iteration for iteration, (line,) in seen.items() if line.startswith("nan")]
    assert sorted(seen) == list(range(12))
    assert len(bad) == 4  # once an epoch, and never again by what it left behind
    assert all(value.isfinite().all() for value in state(runner).values())
    names = sorted(path.name for path in (tmp_path / "run" / "non_finite").iterdir())
    assert names == sorted(f"iter_{i}_rank_0.pth" for i in bad)


def test_it_gives_up_after_too_many_in_a_row(tmp_path):
    hook = NonFiniteHook(action="skip", limit=2)
    runner = build(tmp_path / "run", journal=tmp_path / "j.txt", hooks=[hook])
    with torch.no_grad():
        runner.model.layers[0].weight.fill_(float("inf"))
    with pytest.raises(NonFiniteError, match="iteration 2"):
        runner.train()


def test_a_healthy_run_is_not_changed(tmp_path):
    build(tmp_path / "a", journal=tmp_path / "a.txt").train()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Seems like")  # of a scheduler that misses a counted step
        build(tmp_path / "b", journal=tmp_path / "b.txt", hooks=[NonFiniteHook()]).train()
    assert lines(tmp_path / "a.txt") == lines(tmp_path / "b.txt")
    assert not (tmp_path / "b" / "non_finite").exists()


def test_an_unknown_action_is_refused():
    with pytest.raises(ValueError, match="'ignore'; give 'stop' or 'skip'"):
        NonFiniteHook(action="ignore")
