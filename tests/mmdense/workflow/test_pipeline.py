import json
from pathlib import Path

import pytest

from mmdense.workflow import runner
from mmdense.workflow.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[3]

PRETRAIN = f"""
_base_ = "{ROOT}/configs/pretrain/simsiam_r18_collage.py"
data_preprocessor = dict(common=dict(size=32))
train_dataloader = dict(
    batch_size=8, num_workers=0, dataset=dict(data_root="data/collage/tiny/unlabelled")
)
train_cfg = dict(max_epochs=1)
"""
SEGMENT = f"""
_base_ = "{ROOT}/configs/segmentation/semantic_fpn_r18_collage.py"
_few = dict(num_workers=0, dataset=dict(data_root="data/collage/tiny/", indices=2))
train_dataloader = dict(batch_size=2, **_few)
val_dataloader = _few
test_dataloader = _few
train_cfg = dict(max_epochs=1, val_interval=1)
"""
PIPELINE = """
name = "tiny"
seed = 0
data = [dict(name="collage", size="tiny")]
stages = [
    dict(name="pretrain", tool="train", config="pretrain.py", task="pretrain", data="Collage"),
    dict(name="ssl", tool="train", config="segment.py", after="pretrain", task="segmentation",
         data="Collage"),
]
compare = [dict(task="segmentation", metric="mIoU", ssl="ssl", random="ssl", label="mIoU",
                scale=1)]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "pretrain.py").write_text(PRETRAIN)
    (tmp_path / "segment.py").write_text(SEGMENT)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    return tmp_path


def has_changed(stage, *, work_dir, mark, **_):
    """In place of a run; test_stage.py holds that another mark means a run."""
    note = json.loads((work_dir / stage.name / "stage.json").read_text())
    return note["fingerprint"] != mark


def test_from_images_to_a_table_and_only_once(here, capsys, monkeypatch):
    work_dir = here / "work_dirs/tiny"
    drawn = []
    monkeypatch.setattr(runner, "draw_images", lambda name, _: drawn.append(name))
    Pipeline.from_file(Path("pipeline.py")).run()
    assert "[2/2] ssl: done" in capsys.readouterr().out
    log = (work_dir / "ssl/output.log").read_text()
    assert "ResNet: 100.0 % of the weights loaded from" in log
    assert drawn == ["pretrain", "ssl"]

    # The second time nothing runs.
    again = Pipeline.from_file(Path("pipeline.py"))
    again.run()
    assert capsys.readouterr().out.count("unchanged, not run again") == 2
    record = json.loads(again.report().read_text())
    assert record["slug"] == "pipelines" and record["seed"] == 0
    assert [stage["init"] for stage in record["stages"]] == ["random", "ssl"]
    assert 0 <= record["metrics"]["ssl/mIoU"] <= 100
    assert "mIoU" in (work_dir / "table.md").read_text()
    assert capsys.readouterr().out.endswith("wrote work_dirs/tiny/report.html\n")
    assert "ground truth and prediction of ssl" in (work_dir / "report.html").read_text()
    plots = {path.name for path in (work_dir / "plots").glob("*.png")}
    assert {"pretrain_loss.png", "segmentation_loss.png", "ssl_samples.png"} <= plots

    # A changed config runs its own stage alone.
    monkeypatch.setattr(runner, "run_stage", has_changed)
    with (here / "segment.py").open("a") as config:
        config.write("optim_wrapper = dict(optimizer=dict(lr=1e-4))\n")
    Pipeline.from_file(Path("pipeline.py")).run()
    printed = capsys.readouterr().out
    assert "pretrain: unchanged" in printed and "ssl: done" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed = 0", ""), "lacks seed"),
        (('ssl="ssl"', 'ssl="nobody"'), r"compare\[0\].ssl is 'nobody', not a stage"),
        (('size="tiny"', 'size="huge"'), "huge"),
        (('name="collage"', 'name="imagenet21k"'), "imagenet21k"),
    ],
)
def test_a_wrong_pipeline_is_named_before_anything_runs(here, change, message):
    (here / "pipeline.py").write_text(PIPELINE.replace(*change))
    with pytest.raises(ValueError, match=message):
        Pipeline.from_file(Path("pipeline.py"))
    assert not (here / "work_dirs").exists()
