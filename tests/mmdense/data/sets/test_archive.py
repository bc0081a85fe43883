import io
import tarfile
import zipfile

import pytest

from mmdense.data.sets import archive
from mmdense.data.sets.archive import open_tree

FILES = {"top/a/x.txt": b"one", "top/a/y.bin": b"two", "top/b.txt": b"three"}


def as_folder(path):
    for name, content in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_zip(path, files=FILES):
    with zipfile.ZipFile(path / "t.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path / "t.zip"


def as_tar(path, files=FILES):
    with tarfile.open(path / "t.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("top/a/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path / "t.tar.gz"


@pytest.mark.parametrize("make", [as_folder, as_zip, as_tar])
def test_folder_zip_and_tar_have_the_same_files(make, tmp_path):
    tree = open_tree(make(tmp_path))
    assert tree.find_root("a/x.txt") == "top/"
    assert tree.find_root("top/b.txt") == ""
    assert tree.find_root("a") == "top/"
    assert tree.find_root("x/a.txt") is None
    assert tree.files("top/a") == ["top/a/x.txt", "top/a/y.bin"]
    assert tree.files("top/a", ".bin") == ["top/a/y.bin"]
    assert tree.files("nothing") == []
    assert tree.read("top/b.txt") == b"three"
    assert tree.fingerprint() == tree.fingerprint()
    with pytest.raises(FileNotFoundError, match=r"top/c\.txt"):
        tree.read("top/c.txt")


@pytest.mark.parametrize("make", [as_folder, as_zip, as_tar])
@pytest.mark.parametrize("large", [1, archive.LARGE], ids=["read again", "in memory"])
def test_blocks_and_size_of_a_file(make, large, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGE", large)
    tree = open_tree(make(tmp_path))
    for _ in range(2):  # "three" in blocks of two bytes: th re e
        assert list(tree.blocks("top/b.txt", 2)) == [b"th", b"re", b"e"]
    assert tree.size("top/b.txt") == 5
    assert next(tree.blocks("top/a/x.txt", 2)) == b"on"  # the rest is not read
    for call in (tree.size, lambda name: next(tree.blocks(name, 2))):
        with pytest.raises(FileNotFoundError, match=r"top/c\.txt"):
            call("top/c.txt")


def test_fingerprint_of_a_folder_covers_the_files_that_were_read(tmp_path):
    tree = open_tree(as_folder(tmp_path))
    before = tree.fingerprint()
    tree.read("top/b.txt")
    assert tree.fingerprint() != before


@pytest.mark.parametrize("make", [as_zip, as_tar])
@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\evil", "C:evil"])
def test_names_that_leave_the_folder_are_an_error(make, name, tmp_path):
    path = make(tmp_path, {name: b"x"})
    with pytest.raises(ValueError, match="leaves its folder"):
        open_tree(path)


@pytest.mark.parametrize("make", [as_zip, as_tar])
def test_the_error_names_a_truncated_archive(make, tmp_path):
    path = make(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=path.name):
        open_tree(path)


def test_the_error_names_a_damaged_member(tmp_path):
    path = as_zip(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"three", b"thrxe"))
    with pytest.raises(ValueError, match=r"damaged at top/b\.txt"):
        open_tree(path).read("top/b.txt")


def test_other_files_are_an_error(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"")
    with pytest.raises(ValueError, match="neither a folder nor"):
        open_tree(tmp_path / "a.rar")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_tree(tmp_path / "b.zip")
