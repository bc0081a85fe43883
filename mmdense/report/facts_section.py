"""Section with the details of a run: date, code, machine, commands, data and cost."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mmdense.records.kept_results import read_verified
from mmdense.records.record import Record
from mmdense.report.section import Section, render
from mmdense.report.subjects import Subject

_COSTS = {"cpu_hours": "CPU hours", "gpu_hours": "GPU hours", "energy_kwh": "energy, kWh"}


def facts_section(subjects: Sequence[Subject]) -> Section:
    """Return the details of every record; its commands and versions are folded."""
    several = len(subjects) > 1
    values = [_subject(subject, several=several) for subject in subjects]
    return Section("facts", "Run details", render("facts.html", subjects=values))


def date_text(record: Record) -> str:
    """Return the date of a record, such as ``22 November 2026, 09:43 UTC``."""
    date = datetime.fromisoformat(record.date)
    return f"{date.day} {date:%B %Y, %H:%M} {date.tzname() or ''}".strip()


def time_text(seconds: float | None) -> str:
    """Return a duration such as ``48 s``, ``6 min 12 s``, ``3 h 5 min``; empty if unknown."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def machine_text(record: Record) -> str:
    """Return the processor, the number of cores, the memory and the GPUs."""
    hardware = record.hardware
    cores, memory = hardware.get("cores"), hardware.get("ram_gib")
    parts = [
        hardware.get("cpu"),
        f"{cores} core{'s' if cores > 1 else ''}" if cores else None,
        f"{memory:g} GiB" if memory else None,
        ", ".join(hardware.get("gpus") or []) or None,
    ]
    return ", ".join(part for part in parts if part)


def _subject(subject: Subject, *, several: bool) -> dict[str, Any]:
    record = subject.record
    seeds = record.config.get("seeds") if subject.kind == "study" else None
    seed = ", ".join(map(str, seeds)) if seeds else record.seed
    commit = record.git["commit"]
    memory = record.peak_memory_mib
    gpu_memory = record.peak_gpu_memory_mib
    facts = {
        "kind": subject.kind if several else None,
        "started": date_text(record),
        "total time": time_text(record.wall_time_s),
        "seeds" if seeds else "seed": seed,
        "commit": (commit or f"none, mmdense {record.versions.get('mmdense')}")
        + (", with uncommitted changes" if record.git["dirty"] else ""),
        "verified": _verified_text(subject),
        "machine": machine_text(record),
        "system": record.hardware.get("platform"),
        "peak memory": f"{memory:,.0f} MiB" if memory else None,
        "peak GPU memory": f"{gpu_memory:,.0f} MiB" if gpu_memory else None,
        **{_COSTS.get(key, key): f"{value:,.3g}" for key, value in record.cost.items()},
        "config hash": record.config_sha256[:16],
    }
    commands = {subject.name: record.command}
    commands |= {part.name: part.entry["command"] for part in subject.parts}
    return {
        "name": subject.name,
        "facts": facts,
        "notes": record.notes,
        "commands": {name: shlex.join(command) for name, command in commands.items()},
        "versions": {name: version or "not installed" for name, version in record.versions.items()},
        "data": record.data,
    }


def _verified_text(subject: Subject) -> str:
    """Return the result of the verification of a record: commit, date and deviation."""
    found = read_verified(subject.folder)
    if found is None:
        return "no" if subject.record.git["commit"] else ""
    return (
        f"{'agrees' if found.agrees else 'differs'} at commit {found.commit[:10]} on "
        f"{found.date[:10]}: {found.steps} steps of {len(found.trainings)} trainings, largest "
        f"deviation {found.largest_deviation:.2g}"
    )
