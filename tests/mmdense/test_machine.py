import platform
import subprocess
import sys

import pytest

from mmdense.machine import available_cores


def test_a_container_quota_counts(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")  # 100,000 us of every 100,000 us: one core
    assert available_cores(quota) == 1


def test_a_quota_below_one_core_still_leaves_one(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("20000 100000\n")
    assert available_cores(quota) == 1


def test_no_quota_changes_nothing(tmp_path):
    unlimited = tmp_path / "cpu.max"
    unlimited.write_text("max 100000\n")
    assert available_cores(unlimited) == available_cores(tmp_path / "absent") >= 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_freed_memory_is_taken_again_without_new_pages():
    code = """
import resource, torch
from mmdense.machine import keep_freed_memory
def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(10 << 20)  # 40 MiB: 10,240 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = min(new_pages() for _ in range(4))
# Small blocks that land behind a large one keep it from growing by its alignment: a few more of
# them are taken before the set is large enough.
print(before, keep_freed_memory(), min(new_pages() for _ in range(20)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, kept, after = done.stdout.splitlines()[-1].split()
    assert kept == "True"
    assert int(before) > 10 * int(after)
