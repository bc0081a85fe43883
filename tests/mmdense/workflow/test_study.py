import json
import math
from pathlib import Path

import pytest

from mmdense.records.record import Record, load, save
from mmdense.workflow import runner
from mmdense.workflow.study import Study

STUDY = """
name = "toy"
slug = "toys"
task = "segmentation"
seeds = [0, 1]
data = [dict(name="collage", size="tiny")]
base = "base.py"
before = [dict(name="ssl", config="base.py")]
baseline = "still"
variants = [
    dict(name="plain", label="Plain", after="ssl", against="still"),
    dict(name="still", label="Without learning",
         changes=dict(optim_wrapper=dict(optimizer=dict(lr=0.0)))),
]
metrics = [dict(metric="mIoU", label="mIoU", scale=1)]
"""
SCORES = {"plain": 30.0, "still": 1.0, "ssl": 0.0}  # of seed 0; of seed 1 they are 2 more
ALL = ["ssl/seed0", "plain/seed0", "still/seed0", "ssl/seed1", "plain/seed1", "still/seed1"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.py").write_text("optim_wrapper = dict(optimizer=dict(lr=1.0))\n")
    (tmp_path / "study.py").write_text(STUDY)
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """Names of the stages, which train nothing and leave a score by their variant and seed."""
    names = []

    def leave_record(stage, *, work_dir, **_):
        names.append(stage.name)
        record = Record.begin("toys", stage.name, config={}, seed=stage.seed)
        record.metrics["mIoU"] = SCORES[stage.variant] + 2 * stage.seed
        save(record, stage.folder(work_dir) / "record.json")
        return True

    monkeypatch.setattr(runner, "run_stage", leave_record)
    monkeypatch.setattr(runner, "prepare_data", lambda *_: "")
    return names


def change(name, **fields):
    path = Path("work_dirs/toy", name, "record.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_records_mean_spread_and_difference_of_every_variant(here, trained, capsys):
    study = Study.from_file(Path("study.py"))
    study.run()
    assert trained == ALL
    record = load(study.report())
    # 30 and 32, 1 and 3: means 31 and 2, both with a deviation of sqrt(2); t of one degree of
    # freedom is 12.7062, and the standard error 1.
    assert record.metrics == {
        f"{variant}/mIoU/{what}": pytest.approx(value, rel=1e-5)
        for variant, mean in (("plain", 31.0), ("still", 2.0))
        for what, value in (
            ("mean", mean),
            ("sd", 2**0.5),
            ("low", mean - 12.7062),
            ("high", mean + 12.7062),
        )
    }
    # 30 and 32 less 1 and 3: 29 of either seed.
    table = (here / "work_dirs/toy/table.md").read_text()
    assert "| Plain | **31.0 ± 1.4**<br>+29.0 (+29.0 to +29.0), p < 0.001 |" in table
    assert capsys.readouterr().out.endswith("wrote work_dirs/toy/report.html\n")
    page = (here / "work_dirs/toy/report.html").read_text()
    assert '31.0 <span class="spread">± 1.4</span>' in page
    assert "against Without learning" in page


def test_a_report_that_fails_loses_no_record(here, trained, monkeypatch, tmp_path_factory):
    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr("mmdense.report.page.write_report", fail)
    elsewhere = tmp_path_factory.mktemp("elsewhere")  # its path stays out of the record
    study = Study.from_file(Path("study.py"), work_dir=elsewhere)
    study.run()
    with pytest.raises(OSError, match="no room"):
        study.report()
    configs = {stage["config"] for stage in load(elsewhere / "record.json").stages}
    assert configs == {"base.py", "<outside>/config.py"}
    assert (elsewhere / "table.md").is_file()


def test_commits_data_and_gaps_of_every_stage_are_recorded(here, trained, monkeypatch):
    monkeypatch.setattr("mmdense.report.page.write_report", lambda *_: Path("page"))
    study = Study.from_file(Path("study.py"))
    study.run()
    for name in ALL:
        change(name, data={"train": name, "val": "v"})
    for seed in (0, 1):
        record = json.loads(Path(f"work_dirs/toy/still/seed{seed}/record.json").read_text())
        change(f"still/seed{seed}", git={**record["git"], "commit": "abc"})
    change("still/seed1", metrics={"mIoU": 3.0, "late": 1.0})
    record = load(study.report())
    assert [record.data[f"{name}/train"] for name in ALL] == ALL
    assert len(record.data) == 2 * len(ALL)
    assert math.isnan(record.metrics["still/late/mean"])  # the first seed has none
    assert record.not_finite[0] == "metrics.still/late/mean"
    assert record.elsewhere == {"abc": ["still/seed0", "still/seed1"]}


@pytest.mark.parametrize(
    ("variants", "expected"), [(["still"], ALL[2::3]), (["plain"], [*ALL[:2], *ALL[3:5]])]
)
def test_some_variants_are_trained_with_what_they_start_from(here, trained, variants, expected):
    study = Study.from_file(Path("study.py"), variants=variants)
    study.run()
    assert trained == expected
    assert study.left_out == [name for name in ("plain", "still") if name not in variants]
    with pytest.raises(ValueError, match=r"record\.json: no such record"):
        study.report()
    assert not (here / "work_dirs/toy/record.json").exists()
    with pytest.raises(ValueError, match=r"no variant plane; it has plain, still"):
        Study.from_file(Path("study.py"), variants=["still", "plane"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('slug = "toys"\n', "", "lacks slug"),
        ('"still"\n', '"wide"\n', r"baseline is 'wide'; the variants are plain"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "occurs twice"),
        ('name="still"', 'name="plain"', "occurs twice"),
        ('base = "base.py"', 'base = "bass.py"', "no file bass.py"),
        ('size="tiny"', 'size="huge"', r"data\[0\].size"),
        ("optim_wrapper=", "optim_wraper=", r"variants\[1\].changes.*optim_wraper"),
    ],
)
def test_bad_studies_are_refused_before_anything_runs(here, old, new, words):
    assert old in STUDY
    (here / "study.py").write_text(STUDY.replace(old, new))
    with pytest.raises(ValueError, match=words):
        Study.from_file(Path("study.py"))
