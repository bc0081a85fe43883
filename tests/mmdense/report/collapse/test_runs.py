"""Reading work directories for the report."""

import math

import pytest

from mmdense.report.collapse.runs import comparison_warnings, read_runs
from tests.mmdense.report.collapse.made_up_runs import made_up


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


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
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


def test_runs_of_different_methods_are_warned_about():
    one = made_up("one")
    assert comparison_warnings([one, made_up("two")]) == []
    (methods,) = comparison_warnings([one, made_up("two", method="BYOL")])
    assert "different methods (BYOL, SimSiam with LatentPredictHead)" in methods
    (sizes,) = comparison_warnings([one, made_up("two", channels=64)])
    assert "batch size or width" in sizes
