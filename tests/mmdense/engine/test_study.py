import json
from pathlib import Path

import pytest

from mmdense.engine.study import Study

ROOT = Path(__file__).resolve().parents[3]

BASE = f"""
_base_ = "{ROOT}/configs/segmentation/semantic_fpn_r18_collage.py"
train_dataloader = dict(num_workers=0, dataset=dict(data_root="data/collage/tiny/"))
val_dataloader = dict(num_workers=0, dataset=dict(data_root="data/collage/tiny/"))
test_dataloader = dict(num_workers=0, dataset=dict(data_root="data/collage/tiny/"))
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


def test_trains_every_variant_and_seed_once_and_tells_mean_and_spread(here, capsys):
    study = Study.from_file(Path("study.py"))
    study.run()
    study.run()
    assert capsys.readouterr().out.count("unchanged, not run again") == 4
    record = json.loads(study.report().read_text())
    scores = {
        (stage["name"], seed): stage["metrics"]["mIoU"]
        for stage in record["stages"]
        for seed in (0, 1)
        if stage["name"].endswith(f"seed{seed}")
    }
    for variant in ("plain", "still"):
        a, b = (scores[f"{variant}/seed{seed}", seed] for seed in (0, 1))
        assert record["metrics"][f"{variant}/mIoU/mean"] == pytest.approx((a + b) / 2, rel=1e-4)
        spread = abs(a - b) / 2**0.5
        assert record["metrics"][f"{variant}/mIoU/sd"] == pytest.approx(spread, rel=1e-2, abs=1e-4)
    assert "| Plain |" in (here / "work_dirs/toy/table.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('slug = "toys"\n', "", "lacks slug"),
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
