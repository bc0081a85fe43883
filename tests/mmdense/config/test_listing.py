import io
from pathlib import Path

import pytest
from mmengine.config import Config
from rich.console import Console

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)
from mmdense.config.listing import RUNNER_DEFAULT, listing, print_listing
from mmdense.config.origin import trace

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ["pretrain/simsiam_r18_bccd.py", "segmentation/semantic_fpn_r18_camvid.py"]


def printed(traced, terminal=False):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80, highlight=False)
    print_listing(listing(traced), console)
    return console.file.getvalue()


@pytest.mark.parametrize("name", CONFIGS)
def test_the_text_is_the_config(name, tmp_path):
    traced = trace(ROOT / "configs" / name)
    again = tmp_path / "again.py"
    again.write_text(printed(traced))
    read = Config.fromfile(again, import_custom_modules=False)
    assert {key: read[key] for key in traced.config} == traced.config._cfg_dict.to_dict()


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.py").write_text("model = dict(depth=18, odd={'1x': (1, 2)}, many=[dict(a=1), 2])\n")
    Path("leaf.py").write_text("_base_ = 'base.py'\nmodel = dict(depth=50)\n")
    return Path("leaf.py")


def test_each_value_is_a_line_with_its_origin(small):
    lines = [(line.text, line.origin) for line in listing(trace(small))]
    assert lines[:10] == [
        ("model = dict(", "base.py"),
        ("    depth=50,", "leaf.py"),
        ("    odd={", "base.py"),
        ("        '1x': (1, 2),", "base.py"),
        ("    },", None),
        ("    many=[", "base.py"),
        ("        dict(", "base.py"),
        ("            a=1,", "base.py"),
        ("        ),", None),
        ("        2,", "base.py"),
    ]
    assert lines[10:12] == [("    ],", None), (")", None)]
    assert ("resume = False", RUNNER_DEFAULT) in lines[12:]
    assert all(origin == RUNNER_DEFAULT for _, origin in lines[12:])


def test_comments_are_in_one_column_with_colours_on_a_terminal(small):
    plain = printed(trace(small)).splitlines()
    columns = {line.index("# ") for line in plain if "# " in line and len(line.split("#")[0]) < 62}
    assert len(columns) == 1
    assert "\x1b[" not in "".join(plain)
    assert "\x1b[" in printed(trace(small), terminal=True)
