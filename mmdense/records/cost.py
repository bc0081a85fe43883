"""Cost of a run: hours of CPU and GPU, and energy if the machine measures it.

The energy is that of the processor packages and of the GPUs in use, including other programs. It is
read from the powercap counters of Linux, which often need root, and from NVML if the package
``pynvml`` is installed.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object, get_world_size, is_main_process

from mmdense.records.environment import live_descendants

_POWERCAP = Path("/sys/class/powercap")
_JOULES_PER_KWH = 3.6e6


class CostMeter:
    """Measures the cost from its creation on.

    Args:
        gpus: Number of GPUs of all processes; each process measures the energy of its own GPU.
        packages: Whether to measure the energy of the processor packages, once per machine.
        powercap: Folder of the counters of the processor packages.
    """

    def __init__(self, gpus: int = 0, *, packages: bool = True, powercap: Path = _POWERCAP) -> None:
        self._gpus = gpus
        self._counters: list[_Counter] = [
            _Counter(file, int((file.parent / "max_energy_range_uj").read_text()))
            for file in sorted(powercap.glob("intel-rapl:?/energy_uj"))
            if packages and os.access(file, os.R_OK)
        ]
        self._gpu_joules = _gpu_joules() if gpus else None
        self._cpu_seconds = _cpu_seconds()
        self._started = time.perf_counter()

    @classmethod
    def of_process(cls) -> "CostMeter":
        """Return a meter for this process of a run, for :func:`over_processes`."""
        gpus = get_world_size() if is_main_process() else 1  # of all, or its own for the energy
        first_here = os.environ.get("LOCAL_RANK", "0") == "0"  # on this machine
        return cls(gpus if get_device() == "cuda" else 0, packages=first_here)

    def read(self) -> dict[str, float]:
        """Return the cost so far. Call it every few minutes, because energy counters overflow.

        Returns:
            ``cpu_hours`` of this process and its children; ``gpu_hours``, time times GPUs, if there
            are any; ``energy_kwh`` if a counter can be read.
        """
        cost = {"cpu_hours": (_cpu_seconds() - self._cpu_seconds) / 3600}
        if self._gpus:
            cost["gpu_hours"] = self._gpus * (time.perf_counter() - self._started) / 3600
        joules = [counter.joules() for counter in self._counters]
        if self._gpu_joules is not None and (now := _gpu_joules()) is not None:
            joules.append(now - self._gpu_joules)
        if joules:
            cost["energy_kwh"] = sum(joules) / _JOULES_PER_KWH
        return cost


def over_processes(cost: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of a run over all processes; all of them have to call this function.

    Args:
        cost: Cost of this process. ``gpu_hours`` of the first process include all GPUs.

    Returns:
        ``cpu_hours`` and ``energy_kwh`` summed, on every process.
    """
    first, *others = all_gather_object(dict(cost))
    total = dict(first)
    for part in others:
        for name in ("cpu_hours", "energy_kwh"):
            if name in part:
                total[name] = total.get(name, 0.0) + part[name]
    return total


class _Counter:
    """Energy of a processor package, from a counter in microjoules that overflows."""

    def __init__(self, file: Path, limit: int) -> None:
        self._file, self._range = file, limit
        self._last, self._sum = int(file.read_text()), 0

    def joules(self) -> float:
        now = int(self._file.read_text())
        self._sum += (now - self._last) % self._range
        self._last = now
        return self._sum / 1e6


def _cpu_seconds() -> float:
    """Return user and system time of this process and of its ended and live children."""
    own = sum(os.times()[:4])
    ticks = os.sysconf("SC_CLK_TCK")
    return own + sum(_ticks(pid) for pid in live_descendants(os.getpid())) / ticks


def _ticks(pid: int) -> int:
    try:  # the process may have ended
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])


def _gpu_joules() -> float | None:
    """Return the energy of the GPU of this process in J, since its driver was loaded."""
    try:
        import pynvml
    except ImportError:
        return None
    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        return nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
    except (nvml.NVMLError, RuntimeError, AssertionError):  # no such counter, or no GPU
        return None
