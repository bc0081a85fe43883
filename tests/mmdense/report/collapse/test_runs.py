"""Reading work directories for the report: curves, names, and steps where a loss changed."""

import math
from itertools import pairwise

import pytest

from mmdense.records.record import save
from mmdense.report.collapse.runs import comparison_warnings, phase_starts, phases_in, read_runs
from projects.simsiam_decomp.phases import phase_at
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.made_up_records import record_of


def written(folder, **options):
    folder.mkdir(parents=True)
    made_up(None, **options).write(folder)
    return folder


def test_gaps_are_nan_and_names_are_short(tmp_path):
    folders = [written(tmp_path / "a", gaps=(2,)), written(tmp_path / "b")]
    first, second = read_runs(folders)
    assert (first.name, second.name) == ("a", "b")
    assert math.isnan(first.curve("m_o")[1][1])
    assert len(first.values("m_o")) == 11
    assert first.last_step == 12
    assert first.last("no such reading") is None
    assert [s["step"] for s in first.spectra_of("projector")] == [1, 12]


def test_equal_folder_names_get_more_of_their_path(tmp_path):
    folders = [written(tmp_path / part / "run") for part in ("x", "y")]
    assert [run.name for run in read_runs(folders)] == ["x/run", "y/run"]


def test_invalid_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such work directory"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(FileNotFoundError, match="type='mmdense.CollapseHook'"):
        read_runs([tmp_path])
    folder = written(tmp_path / "a")
    with pytest.raises(ValueError, match="given twice"):
        read_runs([folder, folder])
    file = folder / "collapse.json"
    file.write_text(file.read_text()[:500])
    with pytest.raises(ValueError, match=r"collapse.json is cut off or not JSON"):
        read_runs([folder])
    file.write_text('{"verdict": "healthy"}')
    with pytest.raises(ValueError, match="lacks reason, facts, curves, spectra"):
        read_runs([folder])
    file.write_text("[]")
    with pytest.raises(ValueError, match="lacks verdict"):
        read_runs([folder])


def test_warnings_on_different_methods():
    one = made_up("one")
    assert comparison_warnings([one, made_up("two")]) == []
    (methods,) = comparison_warnings([one, made_up("two", method="BYOL")])
    assert "different methods (BYOL, SimSiam with LatentPredictHead)" in methods
    (sizes,) = comparison_warnings([one, made_up("two", channels=64)])
    assert "batch size or width" in sizes


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
def test_phases_follow_the_hook_at_every_step(phases, cycle):
    if cycle and phases[-1][1] is None:
        phases = [*phases[:-1], ("b", 7)]
    starts = phase_starts(phases, 31, cycle=cycle)
    assert starts[0][0] == 0
    for step in range(31):
        running = [name for start, name in starts if start <= step][-1]
        assert running == phase_at(step, phases, cycle=cycle)
    assert all(one[1] != other[1] for one, other in pairwise(starts))


def with_phases(folder, hook, **changes):
    config = {"default_hooks": {"phases": {"type": "mmdense.PhaseHook", **hook}}}
    config |= changes.pop("config", {})
    save(record_of("run", config=config, **changes), folder / "record.json")
    return folder


def test_phases_of_a_record_in_iterations_and_in_epochs(tmp_path):
    hook = {"phases": PHASES, "cycle": True}
    steps = phases_in(with_phases(tmp_path, hook), batch=8, steps=9)
    assert steps == [(0, "a"), (3, "b"), (5, "a"), (8, "b")]
    hook = {"phases": PHASES, "by_epoch": True}
    # 20 images in batches of 8 are three steps, two without the last; phase "a" has three epochs.
    folder = with_phases(tmp_path, hook, images=20)
    assert phases_in(folder, batch=8, steps=30) == [(0, "a"), (9, "b")]
    dropped = {"train_dataloader": {"drop_last": True}}
    folder = with_phases(tmp_path, hook, images=20, config=dropped)
    assert phases_in(folder, batch=8, steps=30) == [(0, "a"), (6, "b")]
    assert phases_in(folder, batch=None, steps=30) == []
    assert phases_in(folder, batch=8, steps=6) == []  # the second has not begun


def test_a_run_without_phases_has_none(tmp_path):
    assert phases_in(tmp_path, batch=8, steps=9) == []
    (tmp_path / "record.json").write_text("{")
    assert phases_in(tmp_path, batch=8, steps=9) == []
    save(record_of("run", config={"custom_hooks": [{"type": "Other"}]}), tmp_path / "record.json")
    assert phases_in(tmp_path, batch=8, steps=9) == []


def test_runs_have_their_phases(tmp_path):
    made_up(None, steps=12).write(with_phases(tmp_path, {"phases": PHASES}))
    (run,) = read_runs([tmp_path])
    assert run.phases == [(0, "a"), (3, "b")]
