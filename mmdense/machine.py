"""Cores, bfloat16 support and memory settings of this machine."""

import ctypes
import os
import sys
from pathlib import Path

import torch

__all__ = ["available_cores", "keep_freed_memory", "supports_bf16"]

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return the number of cores that this process can use, at least one.

    This is the minimum of the CPU affinity and, in a container, the quota of the control group
    (version 2: "quota period" in microseconds, or "max").
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if quota_file.is_file():
        quota, _, period = quota_file.read_text().strip().partition(" ")
        if quota.isdigit() and period.isdigit():
            cores = min(cores, round(int(quota) / int(period)))
    return max(1, cores)


def supports_bf16() -> bool:
    """Return whether the default training device computes bfloat16 in hardware.

    A CPU without AVX-512 BF16, AMX or Arm BF16 emulates it, which is slower than float32.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for new tensors; return whether it does. Linux only.

    By default glibc returns large blocks to the system at once, and a new block causes a page fault
    for each page. A training step allocates and frees the same large blocks repeatedly.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    trim_threshold, mmap_threshold = -1, -3  # names in malloc.h
    return bool(mallopt and mallopt(mmap_threshold, 1 << 30) and mallopt(trim_threshold, 2**31 - 1))
