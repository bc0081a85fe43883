"""Compare the time of two callables on a machine with other load."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch


def compare(
    name: str,
    ours: Callable[[], object],
    other: Callable[[], object],
    *,
    other_name: str,
    setting: str,
    rounds: int = 7,
) -> dict:
    """Run both alternately and compare their minimum times: other load only adds time."""
    ours_s = other_s = float("inf")
    for _ in range(rounds):
        ours_s = min(ours_s, seconds(ours))
        other_s = min(other_s, seconds(other))
    return result(name, ours_s, other_s, other_name=other_name, setting=setting)


def result(name: str, ours_s: float, other_s: float, *, other_name: str, setting: str) -> dict:
    """Print and return a result; a ratio above 1 means that ours is faster."""
    ratio = other_s / ours_s
    print(f"{name}: {ours_s:.4f} s, {other_name} {other_s:.4f} s, {ratio:.2f} x faster ({setting})")
    return {
        "name": name,
        "ours_s": ours_s,
        "other_s": other_s,
        "ratio": ratio,
        "other": other_name,
        "setting": setting,
    }


def memory_result(
    name: str,
    ours: Callable[[], object],
    results_mib: float,
    *,
    other_mib: float,
    other_name: str,
    setting: str,
) -> dict:
    """Compare the peak memory of a callable, without its results, with a known amount."""
    ours_mib = peak_mib(ours) - results_mib
    ratio = other_mib / ours_mib
    print(f"{name}: {ours_mib:.0f} MiB, {other_name} {other_mib:.0f} MiB ({setting})")
    return {
        "name": name,
        "ours_mib": ours_mib,
        "other_mib": other_mib,
        "ratio": ratio,
        "other": other_name,
        "setting": setting,
    }


def peak_mib(function: Callable[[], object]) -> float:
    """Return the peak memory of CPU tensors during a callable, in MiB."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        kept = function()
    del kept
    total = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            total += event.nbytes()
            peak = max(peak, total)
    return peak / 2**20


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def machine() -> dict:
    """Return versions, threads and CPU of this machine."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "cpu": cpu_name(),
    }


def cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
