import dataclasses
from pathlib import Path

import pytest

from mmdense.data.sets import prepare as module
from mmdense.data.sets.prepare import prepare
from mmdense.data.sets.published_folder import PUBLISHED_FOLDERS, Part, missing_parts


def fill(folder, number, suffix):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        (folder / f"{i}{suffix}").touch()
    (folder / f"._0{suffix}").touch()  # macOS metadata is not counted


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a folder with three and two images of COCO, and expect these counts."""
    monkeypatch.delenv(module.SOURCES_VARIABLE, raising=False)
    spec = PUBLISHED_FOLDERS["coco"]
    train, val, *rest = spec.parts
    parts = (dataclasses.replace(train, count=3), dataclasses.replace(val, count=2), *rest)
    monkeypatch.setitem(PUBLISHED_FOLDERS, "coco", dataclasses.replace(spec, parts=parts))
    folder = tmp_path / "disk" / "COCO"
    fill(folder / "train2017", 3, ".jpg")
    fill(folder / "val2017", 2, ".jpg")
    (folder / "annotations").mkdir()
    for split in ("train", "val"):
        (folder / "annotations" / f"instances_{split}2017.json").touch()
    return folder


def test_a_complete_folder_is_linked(small, tmp_path):
    link = prepare("coco", small.parent, tmp_path / "data")  # the set is one level below
    assert link == tmp_path / "data" / "coco"
    assert link.is_symlink()
    assert link.resolve() == small.resolve()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["coco"]
    assert prepare("coco", Path("/nowhere"), tmp_path / "data") == link  # it exists
    (small / "val2017" / "1.jpg").unlink()
    with pytest.raises(FileExistsError, match=r"val2017 has 1 of 2 \.jpg files \(val2017\.zip\)"):
        prepare("coco", None, tmp_path / "data")


def test_a_broken_link_is_replaced(small, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "coco").symlink_to(tmp_path / "gone")
    assert prepare("coco", small, tmp_path / "data").resolve() == small.resolve()


def test_the_error_lists_every_missing_part(small, tmp_path):
    (small / "train2017" / "2.jpg").unlink()
    (small / "annotations" / "instances_val2017.json").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        prepare("coco", small, tmp_path / "data")
    assert str(caught.value).splitlines()[1:3] == [
        "  train2017 has 2 of 3 .jpg files (train2017.zip)",
        "  annotations/instances_val2017.json is missing (annotations_trainval2017.zip)",
    ]
    assert "cocodataset.org/#download" in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_errors_name_an_invalid_source(small, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"coco is not prepared.*cocodataset\.org"):
        prepare("coco", None, tmp_path / "data")
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        prepare("coco", tmp_path / "nowhere", tmp_path / "data")
    (tmp_path / "train2017.zip").touch()
    with pytest.raises(ValueError, match=r"train2017\.zip is a file"):
        prepare("coco", tmp_path / "train2017.zip", tmp_path / "data")


def test_lines_and_files_in_subfolders_are_counted(tmp_path):
    (tmp_path / "list.txt").write_text("a\nb\n\n")
    fill(tmp_path / "train" / "n1", 2, ".JPEG")
    fill(tmp_path / "train" / "n2", 1, ".JPEG")
    assert Part(("list.txt",), "x.tar", 2).fault(tmp_path) is None
    assert Part(("list.txt",), "x.tar", 3).fault(tmp_path) == "list.txt has 2 of 3 lines (x.tar)"
    assert Part(("train",), "x.tar", 3, ".JPEG").fault(tmp_path) is None
    assert Part(("no", "list.txt"), "x.tar").fault(tmp_path) is None
    assert Part(("no", "nor"), "x.tar").fault(tmp_path) == "no or nor is missing (x.tar)"


def test_flat_images_of_imagenet_need_a_list(tmp_path):
    (tmp_path / "val").mkdir()
    fault = "val/n01440764 or meta/val.txt is missing"
    assert any(line.startswith(fault) for line in missing_parts("imagenet", tmp_path))
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "val.txt").touch()
    assert not any(line.startswith(fault) for line in missing_parts("imagenet", tmp_path))
