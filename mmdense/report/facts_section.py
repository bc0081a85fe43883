"""What was run: the date, the code, the machine, the commands, the data and what it cost."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from mmdense.records.record import Record
from mmdense.report.notices import plain_notes
from mmdense.report.section import Section
from mmdense.report.sources import Subject

__all__ = ["date_text", "facts_section", "machine_text", "time_text"]

_COSTS = {"cpu_hours": "CPU hours", "gpu_hours": "GPU hours", "energy_kwh": "energy, kWh"}


def facts_section(subjects: Sequence[Subject]) -> Section:
    """The facts of every record, its commands and versions folded."""
    return Section("facts", "What was run", "".join(_subject(s, subjects) for s in subjects))


def date_text(record: Record) -> str:
    """As people write it: ``22 November 2026, 09:43 UTC``."""
    date = datetime.fromisoformat(record.date)
    return f"{date.day} {date:%B %Y, %H:%M} {date.tzname() or ''}".strip()


def time_text(seconds: float | None) -> str:
    """``48 s``, ``6 min 12 s``, ``3 h 5 min``; empty where it is not known."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s"
        if whole < 3600
        else (f"{whole // 3600} h {whole % 3600 // 60} min")
    )


def machine_text(record: Record) -> str:
    """The processor, its cores and memory, and the GPUs."""
    hardware = record.hardware
    cores, memory = hardware.get("cores"), hardware.get("ram_gib")
    parts = [
        hardware.get("cpu"),
        f"{cores} core{'s' if cores > 1 else ''}" if cores else None,
        f"{memory:g} GiB" if memory else None,
        ", ".join(hardware.get("gpus") or []) or None,
    ]
    return ", ".join(part for part in parts if part)


def _subject(subject: Subject, subjects: Sequence[Subject]) -> str:
    record = subject.record
    seeds = record.config.get("seeds") if subject.kind == "study" else None
    seed = ", ".join(map(str, seeds)) if seeds else record.seed
    commit = record.git["commit"]
    memory = record.peak_memory_mib
    gpu_memory = record.peak_gpu_memory_mib
    facts = {
        "kind": subject.kind if len(subjects) > 1 else None,
        "started": date_text(record),
        "time of all": time_text(record.wall_time_s),
        "seeds" if seeds else "seed": seed,
        "commit": (commit or "none")
        + (", with uncommitted changes" if record.git["dirty"] else ""),
        "machine": machine_text(record),
        "system": record.hardware.get("platform"),
        "peak memory": f"{memory:,.0f} MiB" if memory else None,
        "peak GPU memory": f"{gpu_memory:,.0f} MiB" if gpu_memory else None,
        **{_COSTS.get(key, key): f"{value:,.3g}" for key, value in record.cost.items()},
        "hash of the config": record.config_sha256[:16],
    }
    heading = f"<h3>{escape(subject.name)}</h3>" if len(subjects) > 1 else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in plain_notes(subject))
    level = 4 if heading else 3
    notes = f"<h{level}>Notes</h{level}><ul>{notes}</ul>" if notes else ""
    versions = {name: version or "not installed" for name, version in record.versions.items()}
    return (
        f"{heading}{_list(facts)}{notes}{_commands(subject)}"
        f"{_folded('Versions', _list(versions))}"
        f"{_folded('Checksums of the data', _list(record.data))}"
    )


def _list(facts: Mapping[str, object]) -> str:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts.items()
        if value not in (None, "")
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _commands(subject: Subject) -> str:
    """Of the record, and of each of its stages."""
    commands = {subject.name: subject.record.command}
    commands |= {part.name: part.entry["command"] for part in subject.parts}
    items = "".join(
        f'<li>{escape(name)}<pre tabindex="0"><code>python {escape(shlex.join(command))}</code>'
        "</pre></li>"
        for name, command in commands.items()
    )
    return _folded("Commands", f'<ul class="plain">{items}</ul>')


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>" if html else ""
