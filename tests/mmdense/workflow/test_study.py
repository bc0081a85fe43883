import json
from pathlib import Path

import pytest

from mmdense.records.record import Record, load, save
from mmdense.workflow import study as module
from mmdense.workflow.study import Study

ROOT = Path(__file__).resolve().parents[3]

# One step, and few images to validate on.
BASE = f"""
_base_ = "{ROOT}/configs/segmentation/semantic_fpn_r18_collage.py"
_few = dict(num_workers=0, dataset=dict(data_root="data/collage/tiny/", indices=2))
train_dataloader = dict(batch_size=2, **_few)
val_dataloader = _few
test_dataloader = _few
train_cfg = dict(max_epochs=1, val_interval=1)
"""
STUDY = """
name = "toy"
slug = "toys"
task = "segmentation"
seeds = [0, 1]
data = [dict(name="collage", size="tiny")]
base = "base.py"
variants = [
    dict(name="plain", label="Plain", changes=dict()),
    dict(name="still", label="Without learning",
         changes=dict(optim_wrapper=dict(optimizer=dict(lr=0.0)))),
]
metrics = [dict(metric="mIoU", label="mIoU", scale=1)]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "base.py").write_text(BASE)
    (tmp_path / "study.py").write_text(STUDY)
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """Names of the stages, which train nothing and leave a score by their variant and seed."""
    names = []

    def leave_record(stage, *, work_dir, seed, **_):
        names.append(stage.name)
        record = Record.begin("toys", stage.name, config={}, seed=seed)
        record.metrics["mIoU"] = {"plain": 30.0, "still": 1.0, "ssl": 0.0}[
            stage.name.split("/")[0]
        ] + 2 * seed
        save(record, stage.folder(work_dir) / "record.json")
        return True

    monkeypatch.setattr(module, "run_stage", leave_record)
    monkeypatch.setattr(module, "prepare_data", lambda *_: "")
    return names


def test_trains_a_variant_once(here, capsys):
    (here / "study.py").write_text(STUDY.replace("seeds = [0, 1]", "seeds = [0]"))
    study = Study.from_file(Path("study.py"), variants=["still"])
    study.run()
    study.run()
    assert capsys.readouterr().out.count("unchanged, not run again") == 1
    record = json.loads((here / "work_dirs/toy/still/seed0/record.json").read_text())
    assert record["config"]["optim_wrapper"]["optimizer"]["lr"] == 0.0
    assert 0 <= record["metrics"]["mIoU"] <= 100


def test_tells_mean_and_spread_of_every_variant(here, trained):
    study = Study.from_file(Path("study.py"))
    study.run()
    assert trained == ["plain/seed0", "still/seed0", "plain/seed1", "still/seed1"]
    record = json.loads(study.report().read_text())
    # 30 and 32, 1 and 3: means 31 and 2, both with a deviation of sqrt(2); t of one degree of
    # freedom is 12.7062, and the standard error 1.
    assert record["metrics"] == {
        f"{variant}/mIoU/{what}": pytest.approx(value, rel=1e-5)
        for variant, mean in (("plain", 31.0), ("still", 2.0))
        for what, value in (
            ("mean", mean),
            ("sd", 2**0.5),
            ("low", mean - 12.7062),
            ("high", mean + 12.7062),
        )
    }
    assert "| Plain | 31.0 ± 1.4 |" in (here / "work_dirs/toy/table.md").read_text()


def test_variants_are_compared_with_their_baseline(here, trained):
    (here / "study.py").write_text(STUDY.replace('"Plain"', '"Plain", against="still"'))
    study = Study.from_file(Path("study.py"))
    study.run()
    record = load(study.report())
    # 30 and 32 less 1 and 3: 29 of either seed.
    assert record.comparisons == [
        {
            **{"variant": "plain", "against": "still", "metric": "mIoU", "pairs": 2},
            **{"difference": 29.0, "low": 29.0, "high": 29.0, "p": 0.0},
        }
    ]
    table = (here / "work_dirs/toy/table.md").read_text()
    assert "| Plain | **31.0 ± 1.4**<br>+29.0 (+29.0 to +29.0), p < 0.001 |" in table


def test_a_score_that_the_first_seed_lacks_is_kept(here, trained):
    study = Study.from_file(Path("study.py"))
    study.run()
    path = here / "work_dirs/toy/still/seed1/record.json"
    record = json.loads(path.read_text())
    record["metrics"]["late"] = 1.0
    path.write_text(json.dumps(record))
    record = json.loads(study.report().read_text())
    assert record["metrics"]["still/late/mean"] is None  # over two seeds, of which one has none
    assert "metrics.still/late/mean: not finite" in record["notes"]


def test_it_ends_with_the_path_of_its_page(here, trained, capsys):
    (here / "study.py").write_text(STUDY + "baseline = 'still'\n")
    study = Study.from_file(Path("study.py"))
    study.run()
    study.report()
    assert capsys.readouterr().out.endswith("wrote work_dirs/toy/report.html\n")
    page = (here / "work_dirs/toy/report.html").read_text()
    assert '31.0 <span class="spread">± 1.4</span>' in page
    assert "t-test against Without learning" in page


def test_a_page_that_fails_loses_no_record(here, trained, monkeypatch):
    def fail(*_):
        raise OSError("no room")

    study = Study.from_file(Path("study.py"))
    study.run()
    monkeypatch.setattr("mmdense.report.page.write_report", fail)
    with pytest.raises(OSError, match="no room"):
        study.report()
    assert (here / "work_dirs/toy/record.json").is_file()
    assert (here / "work_dirs/toy/table.md").is_file()


def test_stages_of_another_commit_are_named_together(here, trained):
    study = Study.from_file(Path("study.py"))
    study.run()
    for seed in (0, 1):
        path = here / f"work_dirs/toy/still/seed{seed}/record.json"
        record = json.loads(path.read_text())
        record["git"]["commit"] = "abc"
        path.write_text(json.dumps(record))
    notes = json.loads(study.report().read_text())["notes"]
    assert "stages still/seed0, still/seed1 ran at commit abc" in notes


def test_code_and_data_of_every_stage_are_kept(here, trained):
    study = Study.from_file(Path("study.py"))
    study.run()
    for number, name in enumerate(trained):
        path = here / f"work_dirs/toy/{name}/record.json"
        record = json.loads(path.read_text())
        record["sources"] = {"a.py": "same", "b.py": "old" if number == 0 else "new"}
        record["data"] = {"train": f"t{number}", "val": "v"}
        path.write_text(json.dumps(record))
    record = load(study.report())
    assert record.sources == {"a.py": "same", "b.py": ["old", "new"]}
    assert "not all parts ran with the same b.py" in record.notes
    assert [record.data[f"{name}/train"] for name in trained] == ["t0", "t1", "t2", "t3"]
    assert len(record.data) == 8


def test_a_stage_that_does_not_list_its_code_is_named(here, trained):
    study = Study.from_file(Path("study.py"))
    study.run()
    path = here / "work_dirs/toy/still/seed1/record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sources": {"a.py": "x"}}))
    assert (
        "the code of plain/seed0, still/seed0, plain/seed1 is not known"
        in load(study.report()).notes
    )


def test_a_work_folder_elsewhere_stays_out_of_the_record(here, trained, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    study = Study.from_file(Path("study.py"), work_dir=elsewhere)
    study.run()
    stages = json.loads(study.report().read_text())["stages"]
    assert {stage["config"] for stage in stages} == {"<outside>/config.py"}


def test_some_variants_are_trained_and_the_rest_named(here, trained):
    study = Study.from_file(Path("study.py"), variants=["still"])
    study.run()
    assert trained == ["still/seed0", "still/seed1"]
    assert study.left_out == ["plain"]
    with pytest.raises(ValueError, match=r"plain/seed0/record\.json: there is no such record"):
        study.report()
    assert not (here / "work_dirs/toy/record.json").exists()


def test_an_unknown_variant_is_refused_with_those_there_are(here):
    with pytest.raises(ValueError, match=r"no variant plane; it has plain, still"):
        Study.from_file(Path("study.py"), variants=["still", "plane"])


def test_variants_start_from_what_was_pretrained_with_their_seed(here, trained):
    text = STUDY.replace('label="Plain", changes=dict()', 'label="Plain", after="ssl"')
    text += 'before = [dict(name="ssl", config="base.py")]\n'
    (here / "study.py").write_text(text)
    started = {}
    runs = module.run_stage

    def run(stage, *, checkpoint, **options):
        started[stage.name] = checkpoint
        (options["work_dir"] / stage.name).mkdir(parents=True)
        (options["work_dir"] / stage.name / "last_checkpoint").write_text(f"{stage.name}.pth\n")
        return runs(stage, checkpoint=checkpoint, **options)

    module.run_stage = run  # taken back with the fixture's own
    study = Study.from_file(Path("study.py"), variants=["plain"])
    study.run()
    assert {name: str(file) for name, file in started.items()} == {
        "ssl/seed0": "None",
        "plain/seed0": "ssl/seed0.pth",
        "ssl/seed1": "None",
        "plain/seed1": "ssl/seed1.pth",
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('slug = "toys"\n', "", "lacks slug"),
        ("seeds =", "baseline = 'wide'\nseeds =", r"baseline is 'wide'; the variants are plain"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "stands twice"),
        ('name="still"', 'name="plain"', "stands twice"),
        ('"base.py"', '"bass.py"', "no file bass.py"),
        ('size="tiny"', 'size="huge"', r"data\[0\].size"),
        ("optim_wrapper=", "optim_wraper=", r"variants\[1\].changes.*optim_wraper"),
    ],
)
def test_bad_studies_are_refused_before_anything_runs(here, old, new, words):
    assert old in STUDY
    (here / "study.py").write_text(STUDY.replace(old, new))
    with pytest.raises(ValueError, match=words):
        Study.from_file(Path("study.py"))
