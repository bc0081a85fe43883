import pytest
import yaml

from mmdense.records.kept_results import Results
from mmdense.records.record import Record
from mmdense.report.model_zoo import metafile, model_index, scores_csv

HEAD = """Collections:
- Name: Toy
  Paper:
    Title: 'A title: with a colon'
"""
MEASURED = """expected = [
    dict(record="pipelines/2026-01-01_toy", metric="detect/coco/AP", value=0.4, tolerance=0.1),
    dict(record="pipelines/2026-01-01_toy", metric="detect/coco/AR", value=0.5, tolerance=0.1),
    dict(paper="a poster", metric="coco/AP", value=0.6, tolerance=0.1),
]
"""


@pytest.fixture
def results():
    pipeline = Record.begin("pipelines", "toy", config={}, seed=0)
    pipeline.stages = [
        {"name": "detect", "task": "detection", "data": "Toys", "metrics": {"coco/AP": 0.4}}
    ]
    study = Record.begin("toy", "study", config={}, seed=None)
    study.stages = [
        {"name": f"a/seed{seed}", "task": "t", "data": "d", "metrics": {"AP": value, "lost": None}}
        for seed, value in enumerate((1.0, 2.0, 3.0))
    ]
    alone = Record.begin("setup", "cpu", config={}, seed=None)
    alone.metrics = {"setup_s": 90.5}
    for record in (pipeline, study, alone):
        record.git = {"commit": "0123456789abcdef", "dirty": False, "dirty_files": []}
        record.date = "2026-01-01T00:00:00+00:00"
    names = ("pipelines/2026-01-01_toy", "toy/2026-01-01_study", "setup/2026-01-01_cpu")
    records = zip((f"results/{name}" for name in names), (pipeline, study, alone), strict=True)
    return Results(list(records), [])


def test_models_are_the_configs_that_expect_something(results):
    configs = {
        "configs/toy/study_x.py": MEASURED,
        "configs/toy/good.py": MEASURED,
        "configs/toy/quiet.py": "expected = []\n",
        "configs/toy/plain.py": "lr = 1\n",
    }
    text = metafile(HEAD, configs, results)
    assert text.startswith(HEAD)
    (model,) = yaml.safe_load(text)["Models"]
    assert model == {
        "Name": "good",
        "In Collection": "Toy",
        "Config": "configs/toy/good.py",
        "Results": [
            {
                "Task": "detection",
                "Dataset": "Toys",
                "Metrics": {"detect/coco/AP": 0.4, "detect/coco/AR": 0.5},
            }
        ],
        "Published": [{"Source": "a poster", "Metrics": {"coco/AP": 0.6}}],
    }
    assert metafile(text, configs, results) == text
    assert metafile(text, {}, results) == f"{HEAD}Models: []\n"


def test_the_index_lists_metafiles():
    assert model_index(["projects/a/metafile.yml"]) == "Import:\n- projects/a/metafile.yml\n"


def test_every_score_is_in_one_table(results):
    lines = scores_csv(results).splitlines()
    assert lines[0].startswith("record,date,commit,part,metric,mean,sd")
    assert lines[1] == "pipelines/2026-01-01_toy,2026-01-01,0123456789,detect,coco/AP,0.4,,,,1"
    # mean 2, deviation 1, and 4.3027 / sqrt(3) = 2.48414 to each side
    assert lines[2] == ("toy/2026-01-01_study,2026-01-01,0123456789,a,AP,2,1,-0.484138,4.48414,3")
    assert lines[3] == "setup/2026-01-01_cpu,2026-01-01,0123456789,,setup_s,90.5,,,,1"
    assert len(lines) == 4
