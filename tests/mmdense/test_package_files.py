from pathlib import Path

import pytest
from mmengine.config import Config

import mmdense  # noqa: F401  (makes configs inherit `mmdense::`)
from mmdense.package_files import ROOT, locate_config

DETECTOR = "cascade_rpn/faster_rcnn_r18_collage.py"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_config_is_found_from_any_folder():
    assert locate_config(f"mmdense::{DETECTOR}") == ROOT / "configs" / DETECTOR
    assert locate_config(f"configs/{DETECTOR}") == ROOT / "configs" / DETECTOR
    stock = locate_config("mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    assert stock.is_file()
    for absent in ("absent.py", "configs/absent.py", "mmdense::absent.py", "absent::a.py"):
        assert locate_config(absent) == Path(absent)


def test_a_file_of_ones_own_comes_first():
    own = Path("configs") / DETECTOR
    own.parent.mkdir(parents=True)
    own.touch()
    assert locate_config(f"configs/{DETECTOR}") == own


def test_a_config_inherits_mmdense_as_it_inherits_a_file():
    Path("by_name.py").write_text(f"_base_ = 'mmdense::{DETECTOR}'\n")
    Path("by_path.py").write_text(f"_base_ = '{ROOT}/configs/{DETECTOR}'\n")
    named, same = (Config.fromfile(f"{name}.py").to_dict() for name in ("by_name", "by_path"))
    assert named == same
    assert named["default_scope"] == "mmdet"


def test_an_absent_config_of_mmdense_is_refused():
    Path("child.py").write_text("_base_ = 'mmdense::absent.py'\n")
    with pytest.raises(FileNotFoundError, match="mmdense::absent.py"):
        Config.fromfile("child.py")
