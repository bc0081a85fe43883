"""The first steps of a record are repeated by the present code, and compared."""

import math
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdense.records.kept_results import Verified, read_verified, write_verified
from mmdense.records.record import Record
from mmdense.workflow import verify as module
from mmdense.workflow.verify import compared_losses, trainings_of, verify

STAGES = {
    "ssl/seed0": [0.5],
    "plain/seed0": [1.0, 2.0],
    "still/seed0": [3.0],
    "after/seed0": [4.0],
    "means/seed0": [],
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.py").write_text("lr = 1.0\n")
    variants = [{"name": name, "label": name} for name in ("plain", "after", "means")]
    variants[1]["after"] = "ssl"
    config = {
        **{"name": "toy", "slug": "toy", "task": "t", "seeds": [0, 1], "base": "base.py"},
        "data": [],
        "before": [{"name": "ssl", "config": "base.py"}],
        "variants": [*variants, {"name": "still", "label": "S", "changes": {"lr": 0.0}}],
        "metrics": [],
    }
    record = Record.begin("toy", "toy", config=config, seed=None)
    record.stages = [
        {"name": name, "first_losses": losses, "metrics": {}} for name, losses in STAGES.items()
    ]
    return record


def test_losses_are_compared_to_six_digits():
    assert compared_losses([1.0, math.nan], [1.0, math.nan]) == (0.0, [])
    largest, lines = compared_losses([1.0, 2.0, 4.0], [1.000001, 2.0, 3.0])
    assert largest == 0.25
    assert lines == ["step 3: 4 recorded, 3 now (0.25)"]
    assert compared_losses([1.0], [math.nan])[0] == math.inf


def test_what_of_a_study_can_be_repeated(study, tmp_path):
    found, skipped = trainings_of(study, tmp_path / "work")
    assert {training.name: training.losses for training in found} == {
        name: STAGES[name] for name in ("ssl/seed0", "plain/seed0", "still/seed0")
    }
    config, *rest = found[2].arguments
    assert Config.fromfile(config).lr == 0.0
    assert rest == ["--seed", "0"]
    assert sorted(skipped) == ["after/seed0", "means/seed0"]
    assert "weights of ssl/seed0" in skipped["after/seed0"]


def test_a_run_is_repeated_from_its_config_file_or_its_recorded_config(tmp_path):
    record = Record.begin(
        "toy", "run", config={"default_scope": "mmdet", "_lr": 1, "work_dir": "a"}, seed=3
    )
    with pytest.raises(ValueError, match="no training can be repeated"):
        verify(record, show=lambda _: None)
    record.first_losses = [1.0]
    ((name, arguments, losses),), _ = trainings_of(record, tmp_path)
    assert (name, losses, arguments[1:]) == ("run", [1.0], ["--seed", "3"])
    config = Config.fromfile(arguments[0])
    assert config.to_dict() == {"default_scope": "mmdet"}
    file = tmp_path / "kept.py"
    file.write_text("lr = 1\n")
    options = ["--work-dir", "w", "--cfg-options", "a=1", "b=2", "--resume", "--amp"]
    record.command = ["tools/train.py", str(file), "--seed", "3", *options]
    ((_, arguments, _),), _ = trainings_of(record, tmp_path)
    kept = ["--cfg-options", "a=1", "b=2", "--amp"]
    assert arguments == [str(file), "--seed", "3", *kept]


def test_the_largest_deviation_is_stored_beside_the_record(study, tmp_path, monkeypatch):
    steps = {}

    def repeated(training, folder, number):
        steps[training.name] = number
        return [loss * 1.5 if training.name == "still/seed0" else loss for loss in training.losses]

    monkeypatch.setattr(module, "_first_losses", repeated)
    shown = []
    found = verify(study, steps=1, show=shown.append)
    assert (found.steps, found.largest_deviation) == (2, 0.5)
    assert found.trainings == {"ssl/seed0": 0.0, "plain/seed0": 0.0, "still/seed0": 0.5}
    assert steps == {"ssl/seed0": 1, "plain/seed0": 1, "still/seed0": 1}
    assert any("step 1: 3 recorded, 4.5 now" in line for line in shown)
    assert read_verified(tmp_path) is None
    assert write_verified(found, tmp_path / "record.json") == tmp_path / "verified.json"
    assert read_verified(tmp_path) == found and not found.agrees
    assert isinstance(found, Verified)
