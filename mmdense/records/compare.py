"""Differences of two records in config, data, code, machine, cost and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmdense.records.record import Record
from mmdense.records.statistics import p_words, paired, seed_scores

_SHOWN = 40  # differences that are listed under a heading; more are counted
_DIGITS = 12  # digits of a checksum that are shown
_WORDS = 72  # characters of a value that are shown
_LEAVES = 3  # values that are listed of a part that only one config has; more are counted
_SPREADS = ("sd", "low", "high")  # metrics of a study besides the mean


class _Change(NamedTuple):
    """A difference of two configs: the path of keys and names, and its text."""

    path: tuple[str, ...]
    text: str


def differences(one: Record, other: Record) -> dict[str, list[str]]:
    """Return the differences of two records: lines of text by heading.

    Args:
        one: The first record.
        other: The second record; a line reads "value of the first to value of the second".
    """
    environment = (
        {"commit": record.git["commit"], "uncommitted": record.git["dirty_files"]}
        | _flat(record.versions)
        | _flat(record.hardware)
        for record in (one, other)
    )
    cost: tuple[dict[str, Any], ...] = tuple(
        {
            "wall time, s": record.wall_time_s,
            "peak memory, MiB": record.peak_memory_mib,
            "peak GPU memory, MiB": record.peak_gpu_memory_mib,
            "images per second": record.images_per_second,
            **record.cost,
        }
        for record in (one, other)
    )
    found = {
        "config": _of_variants(_config_changes(one.config, other.config)),
        "seed": _changes({"seed": one.seed}, {"seed": other.seed}),
        "data": _data(one.data, other.data),
        "environment": _changes(*environment),
        "cost": list(_named_numbers(*cost).values()),
        "results": _results(one, other),
        "verdict": _changes(_verdicts(one), _verdicts(other)),
        "notes": _notes(one.notes, other.notes),
    }
    return {heading: _cut(lines) for heading, lines in found.items() if lines}


def _verdicts(record: Record) -> dict[str, str]:
    """Return the verdicts on the run and on its stages."""
    found = {"run": record.verdict}
    found |= {stage["name"]: stage.get("verdict") for stage in record.stages}
    return {name: verdict["name"] for name, verdict in found.items() if verdict}


def common_scores(records: Mapping[str, Record]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the scores of the seeds of studies, for :func:`~mmdense.records.plots.plot_scores`.

    Args:
        records: Records by their names in the plot.

    Returns:
        ``{metric: {record: {variant: scores}}}`` of the metrics that all configs list, with the
        labels of metrics and variants; empty if a record is not one of a study.
    """
    if not all({"seeds", "variants", "metrics"} <= set(r.config) for r in records.values()):
        return {}
    labels = [{m["metric"]: m for m in record.config["metrics"]} for record in records.values()]
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, metric in labels[0].items():
        if not all(name in known for known in labels) or metric.get("verdict"):
            continue
        by_record = {key: _by_variant(record, name) for key, record in records.items()}
        if all(by_record.values()):
            found[metric["label"]] = {
                key: {label: [s * metric["scale"] for s in runs] for label, runs in scores.items()}
                for key, scores in by_record.items()
            }
    return found


def _by_variant(record: Record, metric: str) -> dict[str, list[float]]:
    """Return the scores of all seeds of each variant, by its label."""
    scores = {
        variant["label"]: list(seed_scores(record, variant["name"], metric).values())
        for variant in record.config["variants"]
    }
    return {label: runs for label, runs in scores.items() if runs}


def common_curves(one: Record, other: Record) -> list[str]:
    """Return the names of the curves that both records have, training loss first."""
    names = [name for name in one.curves if one.curves[name] and other.curves.get(name)]
    return sorted(names, key=lambda name: (name != "train/loss", name))


def _results(one: Record, other: Record) -> list[str]:
    """Return a line for each score that differs; for studies, means with p over the seeds."""
    lines = []
    for name, line in _named_numbers(one.metrics, other.metrics).items():
        metric, _, what = name.rpartition("/")
        if what in _SPREADS and f"{metric}/mean" in {**one.metrics, **other.metrics}:
            continue
        found = paired(_scores(other, name), _scores(one, name))
        over = f", {p_words(found.p)} over {found.pairs} common seeds"
        lines.append(line + over if found.pairs > 1 else line)
    return lines


def _scores(record: Record, name: str) -> dict[int, float]:
    """Return the scores of the seeds of ``<variant>/<metric>/mean`` of a study."""
    variant, _, rest = name.partition("/")
    metric, _, what = rest.rpartition("/")
    return seed_scores(record, variant, metric) if what == "mean" else {}


def _named_numbers(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """Return a line for each number that differs, by its name."""
    lines = {}
    for name in sorted(set(one) | set(other)):
        before, after = one.get(name), other.get(name)
        if before == after or (_lost(before) and _lost(after)):
            continue
        if before is None or after is None:
            side = "first" if after is None else "second"
            value = before if after is None else after
            lines[name] = f"{name}: {value:.6g}, only in the {side}"
        elif _lost(before) or _lost(after):
            values = ("not finite" if _lost(value) else f"{value:.6g}" for value in (before, after))
            lines[name] = f"{name}: {' to '.join(values)}"
        else:
            share = f", {100 * (after / before - 1):+.1f} %" if before else ""
            lines[name] = f"{name}: {before:.6g} to {after:.6g} ({after - before:+.4g}{share})"
    return lines


def _lost(value: float | None) -> bool:
    return value is not None and not math.isfinite(value)


def _data(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return a line for each split with other checksums, over all variants and seeds of a study."""
    if bool(one) != bool(other):
        side = "second" if one else "first"
        return [f"the {side} has no checksums of the training and validation data"]
    sides: tuple[dict[str, set[str]], ...] = ({}, {})
    for found, data in zip(sides, (one, other)):
        for name, checksum in data.items():
            found.setdefault(name.rpartition("/")[2], set()).add(checksum[:_DIGITS])
    return _changes(*({name: " and ".join(sorted(s)) for name, s in f.items()} for f in sides))


def _of_variants(changes: list[_Change]) -> list[str]:
    """Return a line for each change; variants of a study with the same change share a line."""
    grouped: dict[tuple[bool, tuple[str, ...], str], list[str]] = {}
    for path, text in changes:
        of_variant = path[0] == "variants" and len(path) > 2
        rest = path[2:] if of_variant else path
        grouped.setdefault((of_variant, rest, text), []).append(path[1] if of_variant else "")
    return [
        ".".join([*(["variants", ", ".join(names)] if of_variant else []), *rest]) + f": {text}"
        for (of_variant, rest, text), names in grouped.items()
    ]


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in sorted(set(one) | set(other)):
        if name not in other:
            lines.append(f"{name}: {_words(one[name])}, only in the first")
        elif name not in one:
            lines.append(f"{name}: {_words(other[name])}, only in the second")
        elif one[name] != other[name]:
            lines.append(f"{name}: {_words(one[name])} to {_words(other[name])}")
    return lines


def _config_changes(one: Any, other: Any, path: tuple[str, ...] = ()) -> list[_Change]:
    """Return the differences between two configs, or between parts of them."""
    before, after = _parts(one), _parts(other)
    if before is None or after is None:
        return [] if one == other else [_Change(path, f"{_words(one)} to {_words(other)}")]
    changes = []
    for key in sorted({*before, *after}):
        if not path and key.startswith("_"):  # a private variable of the config file
            continue
        if key in before and key in after:
            changes += _config_changes(before[key], after[key], (*path, key))
            continue
        side, part = ("first", before[key]) if key in before else ("second", after[key])
        leaves = _flat(part, key)
        if len(leaves) > _LEAVES:
            changes.append(_Change((*path, key), f"{len(leaves)} values, only in the {side}"))
        else:
            changes += [
                _Change((*path, *name.split(".")), f"{_words(value)}, only in the {side}")
                for name, value in leaves.items()
            ]
    return changes


def _parts(value: Any) -> dict[str, Any] | None:
    """Return the parts of a dict or a list of dicts by key, name or index; None for a value."""
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        return None
    for key in ("name", "metric"):
        names = [str(entry.get(key)) for entry in value if key in entry]
        if len(set(names)) == len(value):
            return dict(zip(names, value, strict=True))
    return {str(place): entry for place, entry in enumerate(value)}


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts and lists of dicts by their dotted names."""
    parts = _parts(value)
    if not parts:
        return {name: value} if name else {}
    found: dict[str, Any] = {}
    for key, part in parts.items():
        found |= _flat(part, f"{name}.{key}" if name else key)
    return found


def _words(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _WORDS else f"{text[: _WORDS - 3]}..."


def _notes(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return a line for each note that only one record has."""
    sides = (("first", one, other), ("second", other, one))
    return [f"{n}, only in the {side}" for side, own, rest in sides for n in own if n not in rest]


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more"] if more > 0 else lines
