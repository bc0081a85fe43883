"""A bank holds the same rows in RAM and in a file, and no file is left."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from mmdense.evaluation.feature_bank import _reserve, empty_bank, fill_bank
from mmdense.evaluation.knn import nearest_neighbours


def batches(features, labels, size):
    for start in range(0, len(features), size):
        yield features[start : start + size], labels[start : start + size]


def banks_in(folder):
    """How many files in a folder this process has mapped, whether or not they have a name."""
    return Path("/proc/self/maps").read_text().count(f"{folder}/")


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("limit", [0, 1])
def test_batches_in_order(size, limit, tmp_path):
    features, labels = torch.randn(23, 5), torch.randint(4, (23,))
    bank, found = fill_bank(
        batches(features, labels, size), rows=23, ram_limit_mib=limit, folder=tmp_path / "new"
    )
    assert torch.equal(bank, features)
    assert torch.equal(found, labels)
    assert bank.dtype == torch.float32
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of maps")
def test_the_limit_decides(tmp_path):
    # 1024 rows of 256 channels of 4 bytes are 1 MiB.
    for rows, mapped in ((1024, 0), (1025, 1)):
        bank = empty_bank(rows, 256, ram_limit_mib=1, folder=tmp_path)
        assert bank.shape == (rows, 256)
        assert banks_in(tmp_path) == mapped
        del bank
        assert banks_in(tmp_path) == 0  # and with it the file


def test_neighbours_in_a_mapped_bank(tmp_path):
    features, queries = torch.randn(300, 16), torch.randn(40, 16)
    mapped = empty_bank(300, 16, ram_limit_mib=0, folder=tmp_path)
    mapped.copy_(features)
    expected = nearest_neighbours(features, queries, k=9)
    found = nearest_neighbours(mapped, queries, k=9)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_nothing_is_left_by_an_error_or_a_killed_process(tmp_path):
    def failing():
        yield torch.zeros(2, 3), torch.zeros(2, dtype=torch.long)
        raise KeyError("a broken image")

    with pytest.raises(KeyError):
        fill_bank(failing(), rows=4, ram_limit_mib=0, folder=tmp_path)
    script = (
        "import os, sys\n"
        "from mmdense.evaluation.feature_bank import empty_bank\n"
        "bank = empty_bank(10, 10, ram_limit_mib=0, folder=sys.argv[1])\n"
        "bank.fill_(1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve blocks")
def test_the_blocks_are_allocated(tmp_path):
    # A file with holes would let a full disk kill the process at a later write.
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        _reserve(file.fileno(), 1 << 20)
        found = os.fstat(file.fileno())
    assert found.st_size == 1 << 20
    assert found.st_blocks * 512 >= 1 << 20


@pytest.mark.parametrize(
    ("batches", "rows", "message"),
    [(2, 3, "more than the expected 3 rows"), (2, 5, "have 4 rows"), (0, 2, "no images")],
)
def test_another_number_of_rows(batches, rows, message):
    two = torch.zeros(2, 3), torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match=message):
        fill_bank(iter([two] * batches), rows=rows)
