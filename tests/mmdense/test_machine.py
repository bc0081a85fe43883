import platform

import pytest

from mmdense.machine import available_cores
from tests.fresh_interpreter import run_script


@pytest.mark.parametrize("quota", ["100000 100000\n", "20000 100000\n"])
def test_a_container_quota_counts_and_leaves_one_core(tmp_path, quota):
    (tmp_path / "cpu.max").write_text(quota)  # microseconds of every 100,000
    assert available_cores(tmp_path / "cpu.max") == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert available_cores(tmp_path / "cpu.max") == available_cores(tmp_path / "absent") >= 1


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
    before, kept, after = run_script(code).splitlines()[-1].split()
    assert kept == "True"
    assert int(before) > 10 * int(after)
