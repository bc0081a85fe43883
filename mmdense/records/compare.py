"""Two records side by side: what differs in config, data, code, machine, cost and result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmdense.records.record import Record
from mmdense.records.statistics import p_words, paired, seed_scores

__all__ = ["common_curves", "common_scores", "differences"]

_SHOWN = 40  # differences of a kind before it says how many more there are
_DIGITS = 12  # of a checksum that are shown
_WORDS = 72  # characters of a value that are shown
_LEAVES = 3  # values of a part of a config that only one has: of more, only how many
_SPREADS = ("sd", "low", "high")  # beside the mean of a study


class _Change(NamedTuple):
    """A part of a config that differs, by its keys and names, and how."""

    path: tuple[str, ...]
    text: str


def differences(one: Record, other: Record) -> dict[str, list[str]]:
    """What differs, a list of lines for each heading that has any.

    Args:
        one: The first record.
        other: The second; a change is told from the first to the second.
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
            "images a second": record.images_per_second,
            **record.cost,
        }
        for record in (one, other)
    )
    found = {
        "config": _of_variants(_config_changes(_public(one.config), _public(other.config))),
        "seed": _changes({"seed": one.seed}, {"seed": other.seed}),
        "data": _checksums(_by_split(one.data), _by_split(other.data), "data it saw"),
        "environment": _changes(*environment),
        "cost": list(_named_numbers(*cost).values()),
        "results": _results(one, other),
        "verdict": _changes(_verdicts(one), _verdicts(other)),
        "notes": _changes(dict.fromkeys(one.notes, "said"), dict.fromkeys(other.notes, "said")),
    }
    return {heading: _cut(lines) for heading, lines in found.items() if lines}


def _verdicts(record: Record) -> dict[str, str]:
    """The verdict on the run and on each of its stages, where there is one."""
    found = {"run": record.verdict}
    found |= {stage["name"]: stage.get("verdict") for stage in record.stages}
    return {name: verdict["name"] for name, verdict in found.items() if verdict}


def common_scores(records: Mapping[str, Record]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Scores of the seeds of studies, for :func:`~mmdense.records.plots.plot_scores`.

    Args:
        records: By the names that a picture gives them.

    Returns:
        ``{metric: {record: {variant: scores}}}`` of the metrics that all of their configs name;
        nothing where one of them is no study. Variants and metrics by their labels.
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
    """Scores of all seeds of each variant that has some, by its label."""
    scores = {
        variant["label"]: list(seed_scores(record, variant["name"], metric).values())
        for variant in record.config["variants"]
    }
    return {label: runs for label, runs in scores.items() if runs}


def common_curves(one: Record, other: Record) -> list[str]:
    """Names of the curves that both have, training loss first."""
    names = [name for name in one.curves if one.curves[name] and other.curves.get(name)]
    return sorted(names, key=lambda name: (name != "train/loss", name))


def _results(one: Record, other: Record) -> list[str]:
    """Every score of both; of studies only the means, and whether seeds tell them apart."""
    lines = []
    for name, line in _named_numbers(one.metrics, other.metrics).items():
        metric, _, what = name.rpartition("/")
        if what in _SPREADS and f"{metric}/mean" in {**one.metrics, **other.metrics}:
            continue
        found = paired(_scores(other, name), _scores(one, name))
        over = f", {p_words(found.p)} over {found.pairs} seeds that both have"
        lines.append(line + over if found.pairs > 1 else line)
    return lines


def _scores(record: Record, name: str) -> dict[int, float]:
    """Scores of the seeds behind ``<variant>/<metric>/mean`` of a study."""
    variant, _, rest = name.partition("/")
    metric, _, what = rest.rpartition("/")
    return seed_scores(record, variant, metric) if what == "mean" else {}


def _named_numbers(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """A line for each number that is not the same in both, by its name."""
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
            told = ("not finite" if _lost(value) else f"{value:.6g}" for value in (before, after))
            lines[name] = f"{name}: {' to '.join(told)}"
        else:
            share = f", {100 * (after / before - 1):+.1f} %" if before else ""
            lines[name] = f"{name}: {before:.6g} to {after:.6g} ({after - before:+.4g}{share})"
    return lines


def _lost(value: float | None) -> bool:
    return value is not None and not math.isfinite(value)


def _checksums(one: Mapping[str, Any], other: Mapping[str, Any], what: str) -> list[str]:
    """What has another checksum; of two of which one has none at all, only that."""
    if bool(one) != bool(other):
        return [f"the {'second' if one else 'first'} does not list the {what}"]
    return _changes(*({name: _short(found[name]) for name in found} for found in (one, other)))


def _by_split(data: Mapping[str, str]) -> dict[str, list[str]]:
    """Checksums of each split, those of all variants and seeds of a study together."""
    found: dict[str, list[str]] = {}
    for name, checksum in data.items():
        found.setdefault(name.rpartition("/")[2], []).append(checksum)
    return {name: sorted(set(checksums)) for name, checksums in found.items()}


def _of_variants(changes: list[_Change]) -> list[str]:
    """A line for each change, and one line for what several variants of a study share."""
    grouped: dict[tuple[bool, tuple[str, ...], str], list[str]] = {}
    for path, text in changes:
        of_variant = path[0] == "variants" and len(path) > 2
        rest = path[2:] if of_variant else path
        grouped.setdefault((of_variant, rest, text), []).append(path[1] if of_variant else "")
    return [
        ".".join([*(["variants", ", ".join(names)] if of_variant else []), *rest]) + f": {text}"
        for (of_variant, rest, text), names in grouped.items()
    ]


def _short(checksums: str | list[str]) -> str:
    listed = [checksums] if isinstance(checksums, str) else checksums
    return " and ".join(checksum[:_DIGITS] for checksum in listed)


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


def _public(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without the variables that only its file used."""
    return {key: value for key, value in config.items() if not str(key).startswith("_")}


def _config_changes(one: Any, other: Any, path: tuple[str, ...] = ()) -> list[_Change]:
    """What differs between two configs, or between their parts of one name."""
    before, after = _parts(one), _parts(other)
    if before is None or after is None:
        return [] if one == other else [_Change(path, f"{_words(one)} to {_words(other)}")]
    changes = []
    for key in sorted({*before, *after}):
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
    """Of a dictionary or a list of them, by what names them; None of a value without parts."""
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
    """Leaves of nested dictionaries and lists of dictionaries by their dotted names."""
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


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more"] if more > 0 else lines
