"""Steps at which the loss of a run changed, from the hook with ``phases`` in its config."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle as again
from pathlib import Path
from typing import Any

from mmdense.records.record import FILE_NAME, Record, RecordError, load

__all__ = ["phase_starts", "phases_in"]


def phase_starts(
    phases: Sequence[tuple[str, int | None]], steps: int, *, cycle: bool
) -> list[tuple[int, str]]:
    """Return the start of each phase: steps before it, and the name of its head.

    Args:
        phases: Names and lengths in steps. A phase without length, and the last one, do not end.
        steps: Number of steps of the run.
        cycle: Whether the first phase follows the last.
    """
    starts: list[tuple[int, str]] = []
    begin = 0
    for name, length in again(phases) if cycle else phases:
        if begin >= steps:
            break
        if not starts or starts[-1][1] != name:
            starts.append((begin, name))
        if length is None:
            break
        begin += length
    return starts


def phases_in(folder: Path, *, batch: int | None, steps: int) -> list[tuple[int, str]]:
    """Return the phases in the config of a run, from its ``record.json``.

    A change of the loss after a verdict is not in the config, so it is not included.

    Args:
        folder: Work directory of the run.
        batch: Images per step, for phases in epochs.
        steps: Number of steps of the run.

    Returns:
        Same as :func:`phase_starts`; empty for a run with one loss, or if its record or the length
        of an epoch is unknown.
    """
    try:
        record = load(folder / FILE_NAME)
    except (RecordError, OSError):
        return []  # the report works without phases
    hook = next((h for h in _hooks(record.config) if _has_phases(h)), None)
    factor = 1 if hook is None or not hook.get("by_epoch") else _epoch(record, batch)
    if hook is None or factor is None:
        return []
    phases = [(entry["head"], entry.get("length")) for entry in hook["phases"]]
    timed = [(name, length and length * factor) for name, length in phases]
    starts = phase_starts(timed, steps, cycle=hook.get("cycle", False))
    return starts if len(starts) > 1 else []


def _has_phases(hook: Mapping[str, Any]) -> bool:
    phases = hook.get("phases") or [{}]
    return all(isinstance(phase, Mapping) and "head" in phase for phase in phases)


def _hooks(config: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    hooks = [*config.get("default_hooks", {}).values(), *config.get("custom_hooks", [])]
    return [hook for hook in hooks if isinstance(hook, Mapping)]


def _epoch(record: Record, batch: int | None) -> int | None:
    """Return the number of steps of an epoch; None if unknown."""
    if not record.images or not batch:
        return None
    whole, left = divmod(record.images, batch)
    dropped = record.config.get("train_dataloader", {}).get("drop_last", False)
    return max(1, whole if dropped or not left else whole + 1)
