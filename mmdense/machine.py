"""What this machine offers to one process: cores and number formats."""

import ctypes
import os
import sys
from pathlib import Path

import torch

__all__ = ["available_cores", "keep_freed_memory", "supports_bf16"]

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Cores that this process may use, at least one.

    The least of the machine's cores, the process's affinity and, inside a container, the quota of
    the control group (version 2: "quota period" in microseconds, or "max").
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if quota_file.is_file():
        quota, _, period = quota_file.read_text().strip().partition(" ")
        if quota.isdigit() and period.isdigit():
            cores = min(cores, round(int(quota) / int(period)))
    return max(1, cores)


def supports_bf16() -> bool:
    """Whether bfloat16 arithmetic is done in hardware by the device that MMEngine would train on.

    A processor without it (before AVX-512 BF16, AMX or Arm BF16) emulates bfloat16 slower than it
    computes float32.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def keep_freed_memory() -> bool:
    """Let the C library keep the memory of freed tensors for the next ones; says whether it does.

    By default glibc gives large blocks back to the system at once, and each new one is handed out
    page by page; a training step takes and frees the same large blocks again and again. Linux with
    glibc only.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    trim_threshold, mmap_threshold = -1, -3  # names in malloc.h
    return bool(mallopt and mallopt(mmap_threshold, 1 << 30) and mallopt(trim_threshold, 2**31 - 1))
