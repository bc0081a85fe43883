"""A method brings its head, its table and its verdict in its own folder, and nothing else."""

import sys

import pytest

from mmdense.records.kept_results import Results
from mmdense.records.record import Record
from mmdense.registry import MODELS
from mmdense.report.project_tables import project_tables
from mmdense.report.tables import all_tables

TOY = {
    "__init__.py": "from projects.toy.toy_head import ToyHead\n",
    "toy_head.py": """
from torch import nn
from mmdense.registry import MODELS

@MODELS.register_module()
class ToyHead(nn.Linear):
    pass
""",
    "tables.py": """
from mmdense.report.project_tables import Headline
from mmdense.report.table import Column, Table
from mmdense.report.tables import kept_study

TABLES = {"toy_study": kept_study("toy", "study")}
HEADLINES = [Headline("Toy", "toy", "study", "Numbers", "ap", "new", "old")]
VERDICT_WORDS = {"the head is stuck": "stuck"}

def study_tables(record):
    return [Table("More", [Column("n", "N")], [{"n": len(record.stages)}])]
""",
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A project in a folder of its own beside ours."""
    folder = tmp_path / "projects" / "toy"
    folder.mkdir(parents=True)
    for name, text in TOY.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    MODELS.module_dict.pop("ToyHead", None)
    for name in [name for name in sys.modules if name.startswith("projects.toy")]:
        del sys.modules[name]


def study():
    config = {
        "seeds": [0, 1],
        "variants": [{"name": "old", "label": "Old"}, {"name": "new", "label": "New"}],
        "metrics": [
            {"metric": "ap", "label": "AP", "scale": 1},
            {"metric": "stuck", "label": "Stuck", "scale": 1, "verdict": True},
        ],
    }
    record = Record.begin("toy", "study", config=config, seed=None)
    record.metrics = {"old/ap/mean": 1.0, "new/ap/mean": 3.0}
    record.stages = [
        {"name": f"{variant}/seed{seed}", "metrics": {}, "verdict": {"name": name, "reason": ""}}
        for variant, name in (("old", "the head is stuck"), ("new", "healthy"))
        for seed in (0, 1)
    ]
    return record


def test_a_toy_method_needs_its_folder_only(toy):
    import projects.toy  # noqa: F401  (as custom_imports of a config does)

    assert MODELS.build({"type": "mmdense.ToyHead", "in_features": 2, "out_features": 3})
    record = study()
    results, tables = Results([("results/toy/day_study", record)], []), all_tables()
    table = tables["toy_study"](results)
    assert [row["stuck"] for row in table.rows] == [{"stuck": 2}, {"no": 2}]
    assert [row["difference"] for row in tables["summary"](results).rows] == [2.0]
    more = [table for make in project_tables().study_tables for table in make(record)]
    assert [table.rows for table in more if table.title == "More"] == [[{"n": 4}]]


def test_a_table_of_two_projects_is_refused(toy):
    other = toy.parent / "toz"
    other.mkdir()
    (other / "tables.py").write_text(TOY["tables.py"])
    with pytest.raises(ValueError, match=r"TABLES: toy_study is a table of another project"):
        project_tables()
