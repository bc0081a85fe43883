"""Compare the time of two callables on a machine with other load."""

import time
from collections.abc import Callable

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


def result(
    name: str, ours: float, other: float, *, other_name: str, setting: str, unit: str = "s"
) -> dict:
    """Print and return a result; a ratio above 1 means that ours is faster or smaller."""
    ratio = other / ours
    print(f"{name}: {ours:.4g} {unit}, {other_name} {other:.4g} {unit}, {ratio:.2f} x ({setting})")
    values = {f"ours_{unit.lower()}": ours, f"other_{unit.lower()}": other, "ratio": ratio}
    return {"name": name, **values, "other": other_name, "setting": setting}


def memory_result(
    name: str, ours: Callable[[], object], results_mib: float, *, other_mib: float, **words: str
) -> dict:
    """Compare the peak memory of a callable, without its results, with a known amount."""
    return result(name, peak_mib(ours) - results_mib, other_mib, unit="MiB", **words)


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
