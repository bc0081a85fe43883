import hashlib
import json
import tarfile

import cv2
import numpy as np
import pytest
import webdataset

from mmdense.data.shards.write import write_shards


def write_image(path, seed=0, size=(24, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def classes(tmp_path):
    """Return a folder of twelve images in two classes."""
    for index in range(12):
        write_image(tmp_path / "source" / "ab"[index % 2] / f"{index}.png", index)
    return tmp_path / "source"


def names(out):
    found = []
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as tar:
            found.append(tar.getnames())
    return found


def test_webdataset_reads_the_tars_that_the_index_describes(classes, tmp_path):
    out = write_shards(classes, tmp_path / "out", max_samples=5)
    index = json.loads((out / "index.json").read_text())
    assert index["images"] == 12
    assert index["classes"] == ["a", "b"]
    assert [shard["samples"] for shard in index["shards"]] == [5, 5, 2]
    for shard in index["shards"]:
        content = (out / shard["name"]).read_bytes()
        assert shard["bytes"] == len(content)
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
    urls = [str(path) for path in sorted(out.glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert sorted(sample["__key__"] for sample in samples) == sorted(
        f"{'ab'[i % 2]}/{i}" for i in range(12)
    )
    for sample in samples:
        assert sample["png"] == (classes / f"{sample['__key__']}.png").read_bytes()
        assert sample["cls"] == b"%d" % "ab".index(sample["__key__"][0])


def test_the_same_images_give_the_same_bytes_in_mixed_order(classes, tmp_path):
    first = write_shards(classes, tmp_path / "first", max_samples=5)
    for path in classes.rglob("*.png"):
        path.touch()
    second = write_shards(classes, tmp_path / "second", max_samples=5)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    order = [name[0] for shard in names(first) for name in shard]
    assert order != sorted(order)


def test_shards_keep_the_limit_and_a_large_image_has_its_own(tmp_path):
    for index in range(6):
        write_image(tmp_path / "source" / f"{index}.png", index)  # 24 * 32 * 3 = 2304 random bytes
    large = write_image(tmp_path / "source" / "large.png", 9, size=(100, 100))  # 30 kB
    # A small image takes a header of 512 bytes and 5 blocks of data. A tar is padded to 10240 bytes
    # and has at least two empty blocks: 3 * 6 * 512 + 1024 = 10240.
    assert 4 * 512 < (tmp_path / "source" / "0.png").stat().st_size <= 5 * 512
    out = write_shards(tmp_path / "source", tmp_path / "out", max_bytes=10240)
    index = json.loads((out / "index.json").read_text())
    assert index["classes"] is None
    found = names(out)
    assert ["large.png"] in found
    small = [shard for shard in index["shards"] if shard["bytes"] < large.stat().st_size]
    assert {shard["bytes"] for shard in small} == {10240}
    assert sum(shard["samples"] for shard in small) == 6
    assert max(shard["samples"] for shard in small) == 3


def test_names_that_differ_after_a_dot_get_different_keys(tmp_path):
    source = tmp_path / "source"
    kept = [
        write_image(source / name) for name in ("a.jpg", "a.png", "a.v1.jpg", "a_v1.JPG", "b/ä.jpg")
    ]
    write_image(source / ".hidden" / "x.jpg")
    write_image(source / "._a.jpg")
    (source / "notes.txt").write_text("no image")
    out = write_shards(source, tmp_path / "out")
    keys = [name.rpartition(".")[0] for name in names(out)[0]]
    assert len(set(keys)) == len(kept) == json.loads((out / "index.json").read_text())["images"]
    assert {"a", "a_2", "a_v1", "a_v1_2", "b/ä"} == set(keys)


def test_a_second_call_writes_nothing_and_other_arguments_are_an_error(classes, tmp_path):
    out = write_shards(classes, tmp_path / "out", max_samples=5)
    before = (out / "000000.tar").stat().st_mtime_ns
    assert write_shards(classes, out, max_samples=5) == out
    assert (out / "000000.tar").stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match="max_samples=6"):
        write_shards(classes, out, max_samples=6)
    write_image(classes / "a" / "new.png")
    with pytest.raises(FileExistsError, match="max_samples=5"):
        write_shards(classes, out, max_samples=5)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda s: (s / "a" / "x.jpg").write_text("<html>"), ValueError, r"a/x.jpg"),
        (lambda s: (s / "empty").mkdir(), ValueError, "source.* empty"),
        (lambda s: s.rename(s.parent / "away"), FileNotFoundError, "source"),
        (
            lambda s: [path.unlink() for path in s.rglob("*.png")],
            FileNotFoundError,
            "source.* bmp",
        ),
    ],
)
def test_an_invalid_source_is_an_error(classes, tmp_path, spoil, error, message):
    spoil(classes)
    with pytest.raises(error, match=message):
        write_shards(classes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_invalid_arguments_are_errors(classes, tmp_path):
    with pytest.raises(ValueError, match=r"shards is inside "):
        write_shards(classes, classes / "shards")
    with pytest.raises(ValueError, match="max_samples.*0"):
        write_shards(classes, tmp_path / "out", max_samples=0)
    with pytest.raises(ValueError, match="max_bytes.*0"):
        write_shards(classes, tmp_path / "out", max_bytes=0)
