import pytest
from mmengine.config import Config
from mmengine.config import utils as config_tables

from mmdense.upstream import distributions


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("mmdet::_base_/models/faster-rcnn_r50_fpn.py", "FasterRCNN"),
        ("mmseg::_base_/models/fpn_r50.py", "EncoderDecoder"),
        ("mmpretrain::_base_/models/resnet18.py", "ImageClassifier"),
    ],
)
def test_configs_of_each_host_can_be_inherited(tmp_path, config, kind):
    child = tmp_path / "child.py"
    child.write_text(f"_base_ = ['{config}']\n")
    assert Config.fromfile(child).model.type == kind


def test_an_entry_that_names_an_absent_distribution_is_repaired(monkeypatch):
    monkeypatch.setitem(config_tables.MODULE2PACKAGE, "mmseg", "a-distribution-nobody-has")
    distributions.install()
    assert config_tables.MODULE2PACKAGE["mmseg"] == "mmseg"


def test_entries_of_packages_that_are_not_here_stay(monkeypatch):
    monkeypatch.setitem(config_tables.MODULE2PACKAGE, "mm_not_here", "mm-not-here")
    distributions.install()
    assert config_tables.MODULE2PACKAGE["mm_not_here"] == "mm-not-here"
