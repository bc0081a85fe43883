import io
import json
import tarfile

import numpy as np
import pytest

from mmdense.data.shards.index import index_shards


def tar(path, members, mode="w"):
    """Write a tar as another program might; a name over 100 bytes has its own header."""
    with tarfile.open(path, mode) as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


LONG = "n" * 120


def test_rows_are_the_offsets_of_the_images(tmp_path):
    tar(tmp_path / "x-1.tar", [("c.JPG", b"3" * 9), ("c.cls", b"7\n"), ("c.txt", b"words")])
    tar(tmp_path / "x-0.tar", [("a.json", b"{}"), ("a.jpg", b"1" * 600), (f"{LONG}.png", b"22")])
    index_shards(tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    assert [(s["name"], s["samples"]) for s in index["shards"]] == [("x-0.tar", 2), ("x-1.tar", 1)]
    assert (index["images"], index["classes"], index["source"]) == (3, None, None)
    rows = np.load(tmp_path / "members.npy")
    # a.json takes 512 + 512 bytes, so a.jpg starts at 1024 and its image ends 512 + 600 later.
    assert rows[0].tolist() == [1024, 1112, -1]
    # a.jpg takes 512 + 1024 in blocks. Two blocks for the long name, one header, then the data.
    assert rows[1].tolist() == [2560, 3 * 512 + 2, -1]
    assert rows[2].tolist() == [0, 512 + 9, 7]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            [("a.jpg", b"1"), ("a.png", b"2")],
            r"x.tar: sample a has 2 images.* a.jpg, a.png",
        ),
        ([("a.txt", b"1")], "sample a has 0 images"),
        ([("a.cls", b"dog"), ("a.jpg", b"2")], "a.cls is b'dog'"),
        ([], "x.tar"),
    ],
)
def test_an_invalid_shard_is_an_error(tmp_path, members, message):
    tar(tmp_path / "x.tar", members)
    with pytest.raises(ValueError, match=message):
        index_shards(tmp_path)
    assert not (tmp_path / "index.json").exists()


def test_damaged_shards_an_empty_folder_and_an_existing_index_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\*.tar"):
        index_shards(tmp_path)
    tar(tmp_path / "x.tar", [("a.jpg", b"1" * 5000)])
    content = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(content[:3000])
    with pytest.raises(ValueError, match=r"x.tar is damaged"):
        index_shards(tmp_path)
    tar(tmp_path / "x.tar", [("a.jpg", b"1" * 5000)], "w:gz")
    with pytest.raises(ValueError, match=r"x.tar .*compressed"):
        index_shards(tmp_path)
    (tmp_path / "x.tar").write_bytes(content)
    index_shards(tmp_path)
    with pytest.raises(FileExistsError, match=r"index\.json"):
        index_shards(tmp_path)
