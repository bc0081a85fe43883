import dataclasses
import hashlib
import io
import json
import os
import tarfile
import zipfile
from itertools import groupby
from pathlib import Path

import pytest
from PIL import Image

from mmdense.data.sets import prepare as module
from mmdense.data.sets.camvid import split_of
from mmdense.data.sets.prepare import DATASET_SOURCES, prepare

PHOTOS = ("n01440764_tench", "n01443537_goldfish", "n01484850_great_white_shark")


def jpeg(width, height):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Return a folder with a natural1k.zip of three images, which the data set's count expects."""
    spec = dataclasses.replace(DATASET_SOURCES["natural1k"], counts={"unlabelled": 3})
    monkeypatch.setitem(DATASET_SOURCES, "natural1k", spec)
    monkeypatch.delenv(module.SOURCES_VARIABLE, raising=False)
    folder = tmp_path / "downloads"
    folder.mkdir()
    with zipfile.ZipFile(folder / "natural1k.zip", "w") as archive:
        for name in PHOTOS:
            archive.writestr(f"natural1k/{name}.jpg", jpeg(300, 256))
        archive.writestr("natural1k/README.txt", "no image")
    return folder


def listing(folder):
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_from_folder_archive_or_environment(source, tmp_path, monkeypatch):
    made = prepare("natural1k", source, tmp_path / "one")
    assert made == tmp_path / "one" / "natural1k"
    assert listing(made) == sorted([f"{name}.jpg" for name in PHOTOS] + ["prepared.json"])
    assert listing(tmp_path / "one") == ["natural1k"]  # the temporary folder is gone
    receipt = json.loads((made / "prepared.json").read_text())
    assert receipt["counts"] == {"unlabelled": 3}
    assert receipt["source"] == "natural1k.zip"
    assert receipt["fingerprint"].startswith("sha256:")
    assert listing(prepare("natural1k", source / "natural1k.zip", tmp_path / "two")) == listing(
        made
    )
    monkeypatch.setenv(module.SOURCES_VARIABLE, str(source))
    assert listing(prepare("natural1k", root=tmp_path / "three")) == listing(made)


def test_from_an_unpacked_folder_and_with_larger_images(source, tmp_path):
    (source / "natural1k.zip").unlink()
    (source / "photos").mkdir()
    for name in PHOTOS:
        (source / "photos" / f"{name}.JPEG").write_bytes(jpeg(600, 400))
    made = prepare("natural1k", source, tmp_path)
    assert Image.open(made / f"{PHOTOS[0]}.jpg").size == (384, 256)
    assert json.loads((made / "prepared.json").read_text())["scaled"] == 3


def test_an_existing_folder_is_used_if_it_is_complete(source, tmp_path):
    made = prepare("natural1k", source, tmp_path)
    before = (made / "prepared.json").stat().st_mtime_ns
    assert prepare("natural1k", Path("/nowhere"), tmp_path) == made
    assert (made / "prepared.json").stat().st_mtime_ns == before
    (made / f"{PHOTOS[0]}.jpg").unlink()
    with pytest.raises(FileExistsError, match="unlabelled 2 .*unlabelled 3"):
        prepare("natural1k", source, tmp_path)
    (made / "prepared.json").unlink()
    with pytest.raises(FileExistsError, match=r"prepared\.json"):
        prepare("natural1k", source, tmp_path)


def test_an_incomplete_source_is_an_error(source, tmp_path, monkeypatch):
    spec = dataclasses.replace(DATASET_SOURCES["natural1k"], counts={"unlabelled": 4})
    monkeypatch.setitem(DATASET_SOURCES, "natural1k", spec)
    with pytest.raises(ValueError, match=r"natural1k\.zip: .*unlabelled 3 .*unlabelled 4"):
        prepare("natural1k", source, tmp_path / "root")
    assert listing(tmp_path / "root") == []


def test_an_archive_with_another_checksum_is_an_error(source, tmp_path, monkeypatch):
    spec = DATASET_SOURCES["natural1k"]

    def declare(md5):
        form = dataclasses.replace(spec.formats[0], archives={"natural1k.zip": md5})
        stated = dataclasses.replace(spec, formats=(form, *spec.formats[1:]))
        monkeypatch.setitem(DATASET_SOURCES, "natural1k", stated)

    declare("0" * 32)
    with pytest.raises(ValueError, match=r"natural1k\.zip: it has the MD5 .* 0{32}"):
        prepare("natural1k", source, tmp_path / "root")
    assert listing(tmp_path / "root") == []
    with zipfile.ZipFile(source / "natural1k.zip") as archive:
        archive.extractall(source / "unpacked")
    prepare("natural1k", source / "unpacked", tmp_path / "unpacked")  # has no checksum
    declare(hashlib.md5((source / "natural1k.zip").read_bytes()).hexdigest())
    prepare("natural1k", source, tmp_path / "root")


def test_errors_name_what_is_missing(source, tmp_path):
    with pytest.raises(KeyError, match="bccd, camvid, cifar10, cifar100, coco, imagenet"):
        prepare("mnist", source, tmp_path)
    with pytest.raises(FileNotFoundError, match="MMDENSE_SOURCES"):
        prepare("natural1k", root=tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        prepare("natural1k", source / "nowhere", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"bccd.*JPEGImages.*github\.com"):
        prepare("bccd", source, tmp_path)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_damaged_archive_is_an_error_and_unsafe_members_write_nothing(suffix, tmp_path):
    def pack(name):
        if suffix == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(name, b"x" * 5000)
        else:
            with tarfile.open(path, "w:gz") as archive:
                member = tarfile.TarInfo(name)
                member.size = 5000
                archive.addfile(member, io.BytesIO(b"x" * 5000))

    path = tmp_path / f"stl10{suffix}"
    pack("unlabeled_X.bin")
    content = path.read_bytes()
    for damaged in (content[:-20], b"PK\x03\x04 cut off", b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{path}: not a complete archive"):
            prepare("stl10", path, tmp_path / "data")
    pack("../../../evil/unlabeled_X.bin")
    with pytest.raises((ValueError, FileNotFoundError), match=str(path)):
        prepare("stl10", path, tmp_path / "data")
    assert listing(tmp_path) == ["data", path.name]
    assert listing(tmp_path / "data") == []


SOURCES = os.environ.get(module.SOURCES_VARIABLE)


@pytest.mark.skipif(not SOURCES, reason="MMDENSE_SOURCES names no folder of real archives")
@pytest.mark.parametrize("name", ["bccd", "camvid", "cifar10", "natural1k"])
def test_real_archives(name, tmp_path, monkeypatch):
    spec = DATASET_SOURCES[name]
    archives = [Path(SOURCES, file) for form in spec.formats for file in form.archives]
    found = [path for path in archives if path.is_file()]
    if not found:
        pytest.skip(f"{SOURCES} has none of {', '.join(path.name for path in archives)}")
    [source] = found
    if name in ("camvid", "cifar10"):  # five images per folder of large sets
        complete, source = source, tmp_path / source.name
        with zipfile.ZipFile(complete) as whole, zipfile.ZipFile(source, "w") as part:
            names = sorted(file for file in whole.namelist() if not file.endswith("/"))
            for _, files in groupby(names, lambda file: Path(file).parent):
                for file in list(files)[:5]:
                    part.writestr(file, whole.read(file))
        images = [file for file in names if file.endswith(".jpg")]
        assert len(images) == sum(spec.counts.values())
        five = {split: 50 if name == "cifar10" else 5 for split in spec.counts}
        spec = dataclasses.replace(spec, counts=five)
        monkeypatch.setitem(DATASET_SOURCES, name, spec)
    made = prepare(name, source, tmp_path)
    receipt = json.loads((made / "prepared.json").read_text())
    assert receipt["counts"] == spec.counts
    if name == "bccd":
        assert receipt["boxes"] == {"train": 2804, "val": 1137, "test": 945}
    if name == "camvid":  # split_of agrees with the archive
        for file in images:
            assert split_of(Path(file).stem) == Path(file).parent.name
