"""Where the phases of a run begin, against the hook that changes them, and read from a record."""

from itertools import pairwise

import pytest

from mmdense.records.record import save
from mmdense.report.collapse.phases import phase_starts, phases_in
from mmdense.report.collapse.runs import read_runs
from projects.simsiam_decomp.phases import phase_at
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.made_up_records import record_of

PHASES = [{"head": "a", "length": 3}, {"head": "b", "length": 2}]


@pytest.mark.parametrize("cycle", [False, True])
@pytest.mark.parametrize(
    "phases",
    [
        [("a", 3), ("b", 2)],
        [("a", 1), ("a", 2), ("b", 4), ("a", 2)],
        [("a", 50), ("b", 1)],
        [("a", 4), ("b", None)],
    ],
)
def test_it_follows_the_hook_step_by_step(phases, cycle):
    if cycle and phases[-1][1] is None:
        phases = [*phases[:-1], ("b", 7)]
    starts = phase_starts(phases, 31, cycle=cycle)
    assert starts[0][0] == 0
    for step in range(31):
        running = [name for start, name in starts if start <= step][-1]
        assert running == phase_at(step, phases, cycle=cycle)
    assert all(one[1] != other[1] for one, other in pairwise(starts))


def written(folder, hook, **changes):
    config = {"default_hooks": {"phases": {"type": "mmdense.PhaseHook", **hook}}}
    config |= changes.pop("config", {})
    save(record_of("run", config=config, **changes), folder / "record.json")
    return folder


def test_of_a_record_in_iterations_and_in_epochs(tmp_path):
    hook = {"phases": PHASES, "cycle": True}
    steps = phases_in(written(tmp_path, hook), batch=8, steps=9)
    assert steps == [(0, "a"), (3, "b"), (5, "a"), (8, "b")]
    hook = {"phases": PHASES, "by_epoch": True}
    # 20 images in batches of 8 are three steps, two without the last; phase "a" has three epochs.
    folder = written(tmp_path, hook, images=20)
    assert phases_in(folder, batch=8, steps=30) == [(0, "a"), (9, "b")]
    dropped = {"train_dataloader": {"drop_last": True}}
    folder = written(tmp_path, hook, images=20, config=dropped)
    assert phases_in(folder, batch=8, steps=30) == [(0, "a"), (6, "b")]
    assert phases_in(folder, batch=None, steps=30) == []
    assert phases_in(folder, batch=8, steps=6) == []  # the second has not begun


def test_a_run_without_phases_has_none(tmp_path):
    assert phases_in(tmp_path, batch=8, steps=9) == []
    (tmp_path / "record.json").write_text("{")
    assert phases_in(tmp_path, batch=8, steps=9) == []
    save(record_of("run", config={"custom_hooks": [{"type": "Other"}]}), tmp_path / "record.json")
    assert phases_in(tmp_path, batch=8, steps=9) == []


def test_a_run_of_the_report_knows_its_phases(tmp_path):
    made_up(None, steps=12).write(written(tmp_path, {"phases": PHASES}))
    (run,) = read_runs([tmp_path])
    assert run.phases == [(0, "a"), (3, "b")]
