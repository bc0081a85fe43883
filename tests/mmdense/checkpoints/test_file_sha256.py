import hashlib

import pytest

from mmdense.checkpoints.file_sha256 import file_sha256


@pytest.mark.parametrize("python", ["3.10", "later"])
def test_is_that_of_the_bytes(tmp_path, monkeypatch, python):
    content = b"0123456789" * 200_000  # two pieces
    (tmp_path / "a").write_bytes(content)
    if python == "3.10":
        monkeypatch.delattr(hashlib, "file_digest", raising=False)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
