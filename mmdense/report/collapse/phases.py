"""When the loss of a run changed, from the hook with ``phases`` in its config."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle as again
from pathlib import Path
from typing import Any

from mmdense.records.record import FILE_NAME, Record, RecordError, load

__all__ = ["phase_starts", "phases_in"]


def phase_starts(
    phases: Sequence[tuple[str, int | None]], steps: int, *, cycle: bool
) -> list[tuple[int, str]]:
    """Where each phase begins: steps done before it, and the name of its head.

    Args:
        phases: Names and lengths in steps; one without length goes on, and so does the last.
        steps: Done in all.
        cycle: Whether the first follows the last.
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
    """The phases of the run in a work directory, as its ``record.json`` has them.

    A rescue after a verdict is in no config, and not among them.

    Args:
        folder: Of the run.
        batch: Images of a step, for phases in epochs.
        steps: Done in all.

    Returns:
        As :func:`phase_starts`; empty of a run with one loss, or whose record or length of an epoch
        is not known.
    """
    try:
        record = load(folder / FILE_NAME)
    except (RecordError, OSError):
        return []  # the readings do not need it
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
    """Steps of an epoch."""
    if not record.images or not batch:
        return None
    whole, left = divmod(record.images, batch)
    dropped = record.config.get("train_dataloader", {}).get("drop_last", False)
    return max(1, whole if dropped or not left else whole + 1)
