"""Environment of a run: versions, hardware and commit.

This file needs no package except torch. If a platform does not provide a value (macOS has no
``/proc``), it is ``None`` or absent, and no error is raised.
"""

import os
import platform
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from mmdense.machine import available_cores, supports_bf16
from mmdense.package_files import ROOT
from mmdense.version import __version__, installed_versions

_MIB = 2**20


def collect_environment() -> dict[str, dict[str, Any]]:
    """Return the versions and the hardware of this process.

    Returns:
        ``{'versions': {name: version or None}, 'hardware': {...}}``. Hardware has ``cpu`` (model),
        ``amx`` and ``bf16`` (whether it supports AMX and bfloat16), ``cores`` (available to this
        process), ``threads`` (of torch), ``ram_gib``, ``gpus`` (names), ``platform``.
    """
    versions: dict[str, str | None] = {"python": platform.python_version(), "mmdense": __version__}
    versions |= installed_versions()
    versions["torch"] = torch.__version__  # with the build, such as +cu130
    ram_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cpu, amx = _processor()
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    hardware = {
        "cpu": cpu,
        "amx": amx,
        "bf16": supports_bf16(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "ram_gib": round(ram_bytes / 2**30, 1),
        "gpus": gpus,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    return {"versions": versions, "hardware": hardware}


def git_state(checkout: str | Path = ROOT) -> dict[str, Any]:
    """Return the commit of a checkout, by default that of mmdense, and whether it is clean.

    Files in ``results/`` are ignored, so that a kept record does not make the next one dirty.

    Returns:
        ``{'commit': str or None, 'dirty': bool, 'dirty_files': [str]}``. The commit is ``None``
        before the first commit, and if the folder is not the top of a checkout: an installed
        wheel may be inside the repository of somebody else.
    """
    top = repository_root(checkout)
    if top is None or top.resolve() != Path(checkout).resolve():
        return {"commit": None, "dirty": False, "dirty_files": []}
    commit = _git(checkout, "rev-parse", "--verify", "--quiet", "HEAD")
    status = _git(checkout, "status", "--porcelain=v1", "--untracked-files=all", "--no-renames")
    files = [line[3:].strip('"') for line in (status or "").splitlines()]
    dirty_files = sorted(name for name in files if not name.startswith("results/"))
    return {
        "commit": commit.strip() if commit else None,
        "dirty": bool(dirty_files),
        "dirty_files": dirty_files,
    }


def repository_root(path: str | Path = ".") -> Path | None:
    """Return the root of the checkout that contains ``path``; ``None`` outside a checkout."""
    top = _git(path, "rev-parse", "--show-toplevel")
    return Path(top.strip()) if top and top.strip() else None


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process and of its children, in MiB.

    Live children (data loader workers) are included with their own peaks. Without ``/proc``, only
    the largest ended child is included. Shared memory is counted once for each process, so this is
    an upper bound.
    """
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, KiB elsewhere
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    if Path("/proc/self/status").exists():
        children = sum(_proc_peak_kib(pid) for pid in live_descendants(os.getpid())) * 1024
    else:
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return (own + children) / _MIB


def peak_gpu_memory_mib() -> float | None:
    """Return the peak CUDA memory that torch allocated in this process, in MiB."""
    if not torch.cuda.is_available():
        return None
    return max(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())) / _MIB


def _processor() -> tuple[str, bool]:
    """Return the model name, and whether it has AMX (matrix units for bfloat16)."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = model[1].strip() if model else platform.processor() or platform.machine()
    return name, "amx_bf16" in text


def _git(path: str | Path, *arguments: str) -> str | None:
    """Return the output of a git command in ``path``; ``None`` if it fails or git is missing."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotepath=off", *arguments],
            cwd=path,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def live_descendants(root: int) -> list[int]:
    """Return the process ids of all live descendants of ``root``."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:  # a process may end while the list is read
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found = list(children.get(root, []))
    for pid in found:  # grows while it is walked: breadth first
        found.extend(children.get(pid, []))
    return found


def _proc_peak_kib(pid: int) -> int:
    """Return the peak resident memory of a process in KiB, 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return 0
    peak = re.search(r"^VmHWM:\s*(\d+)", status, re.MULTILINE)
    return int(peak[1]) if peak else 0
