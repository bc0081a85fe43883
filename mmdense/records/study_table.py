"""The table of a study: a row for each variant, mean and spread over its seeds.

Against a baseline, what differs by more than chance would make it is bold.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mmdense.records.kept_results import Results
from mmdense.records.markdown import NOTHING, markdown
from mmdense.records.record import Record, RecordError
from mmdense.records.staleness import legend
from mmdense.records.statistics import p_words
from mmdense.records.study_comparisons import compare_variants

__all__ = ["kept_phases", "kept_study", "phases_table", "study_table", "variants_by_group"]

_P = 0.05
_SHOWN = 3  # changed files that are named
_PHASE = "/phase/"  # in a metric's name: <variant>/phase/<head>/<reading>/mean


def study_table(record: Record, group: str | None = None, baseline: str | None = None) -> str:
    """One row for each variant: mean over the seeds and, of several, the standard deviation.

    Args:
        record: Of a study. A metric of its config has ``metric``, ``label``, ``scale`` (by which it
            is multiplied to be shown) and may have ``digits`` (behind the point, 1 by default),
            ``count`` (it is 1 or 0: say of how many seeds it is 1), ``words`` (say instead how many
            seeds have a note that begins with each of these: ``{beginning: what is said}``) or
            ``optional`` (a variant may lack it). What the paper found of a variant, its ``paper``,
            has a column of its own.
        group: Only the variants of this ``group``, or those that the config's ``tables`` lists
            under this name.
        baseline: Variant that the others are compared with, seed by seed: scores that differ with
            p < 0.05 in a paired t-test are bold. A variant whose config says ``against`` is
            compared with that one, and the difference stands below its mean. Fewer pairs than there
            are seeds are said.

    Raises:
        RecordError: The record is of no study, lacks a score, or has no such group or baseline.
    """
    _check(record, baseline)
    seeds = len(record.config["seeds"])
    variants = _variants(record, group)
    metrics = [metric for metric in record.config["metrics"] if _is_told(record, variants, metric)]
    published = any("paper" in variant for variant in variants)
    rows = []
    for variant in variants:
        cells = [
            _compared(record, variant, metric, baseline, _cell(record, variant, metric, seeds))
            for metric in metrics
        ]
        paper = [variant.get("paper", "–")] if published else []
        rows.append([variant["label"], *paper, *cells])
    labels = [metric["label"] for metric in metrics]
    header = ["Variant", *(["Paper"] if published else []), *labels]
    return markdown(header, rows, right=[m["label"] for m in metrics if "words" not in m])


def variants_by_group(config: Mapping[str, Any]) -> dict[str | None, list[str]]:
    """Names of the variants of each table of a study, in the order of the tables.

    Args:
        config: Of the study. A table has the variants of one ``group``, of none (under None), or
            those that ``tables`` lists under its name.
    """
    found: dict[str | None, list[str]] = {}
    for variant in config["variants"]:
        found.setdefault(variant.get("group"), []).append(variant["name"])
    return found | {group: list(names) for group, names in config.get("tables", {}).items()}


def phases_table(record: Record) -> str:
    """One row for each phase of each variant that has phases, with its readings at their ends.

    They stand in the order of the training.

    Args:
        record: Of a study whose trainings have metrics ``phase/<head>/<reading>``.
    """
    readings: dict[str, None] = {}
    rows: list[tuple[dict[str, Any], str]] = []
    for variant in record.config["variants"]:
        start = variant["name"] + _PHASE
        found = [key.removeprefix(start) for key in record.metrics if key.startswith(start)]
        found = [key.removesuffix("/mean") for key in found if key.endswith("/mean")]
        readings |= dict.fromkeys(key.rpartition("/")[2] for key in found)
        heads = dict.fromkeys(key.rpartition("/")[0] for key in found)
        rows += [(variant, head) for head in _in_training(variant, heads)]
    seeds = len(record.config["seeds"])
    cells = []
    for variant, head in rows:
        metrics = [
            {"metric": f"phase/{head}/{name}", "scale": 1, "digits": 3, "optional": True}
            for name in readings
        ]
        shown = [_cell(record, variant, metric, seeds) for metric in metrics]
        cells.append([variant["label"], head, *shown])
    labels = [f"{name} at its end" for name in readings]
    return markdown(["Variant", "Phase", *labels], cells, right=labels)


def _in_training(variant: Mapping[str, Any], heads: Iterable[str]) -> list[str]:
    """Heads in the order in which the hook that a variant adds begins with them; others last."""
    changes = variant.get("changes", {})
    hooks = [*changes.get("default_hooks", {}).values(), *changes.get("custom_hooks", [])]
    phases = [phase for hook in hooks if hook for phase in hook.get("phases", [])]
    order = [phase["head"] for phase in phases]
    return sorted(heads, key=lambda head: order.index(head) if head in order else len(order))


def _variants(record: Record, group: str | None) -> list[dict[str, Any]]:
    """The variants of a table, in its order."""
    variants = record.config["variants"]
    if group is None:
        return list(variants)
    if (listed := record.config.get("tables", {}).get(group)) is not None:
        by_name = {variant["name"]: variant for variant in variants}
        if unknown := sorted(set(listed) - set(by_name)):
            raise RecordError(
                f"record {record.name!r}: config.tables.{group} lists {', '.join(unknown)}, which "
                "are no variants"
            )
        return [by_name[name] for name in listed]
    found = [variant for variant in variants if variant.get("group") == group]
    if not found:
        groups = sorted({v["group"] for v in variants if "group" in v})
        raise RecordError(
            f"record {record.name!r}: no variant has the group {group!r}, nor does config.tables "
            f"list it; the groups are {', '.join(groups) or 'none'}"
        )
    return found


def _check(record: Record, baseline: str | None) -> None:
    """Refuse what no table can be made of, before a key of it is missed."""
    where = f"record {record.name!r}: config"
    if lost := [key for key in ("seeds", "variants", "metrics") if key not in record.config]:
        raise RecordError(f"{where} lacks {', '.join(lost)}: it is of no study")
    for what, keys in (("variants", ("name", "label")), ("metrics", ("metric", "label", "scale"))):
        for number, entry in enumerate(record.config[what]):
            if lost := [key for key in keys if key not in entry]:
                raise RecordError(f"{where}.{what}[{number}] lacks {', '.join(lost)}")
    names = [variant["name"] for variant in record.config["variants"]]
    if baseline is not None and baseline not in names:
        raise RecordError(
            f"{where}.variants has no {baseline!r}, which the table compares with; it has "
            f"{', '.join(names)}"
        )


def _is_told(record: Record, variants: list[dict[str, Any]], metric: dict[str, Any]) -> bool:
    """Whether a metric has a column: one that variants may lack only if one of them has it."""
    keys = (f"{variant['name']}/{metric['metric']}/mean" for variant in variants)
    return not metric.get("optional") or any(key in record.metrics for key in keys)


def _compared(
    record: Record, variant: dict[str, Any], metric: dict[str, Any], baseline: str | None, cell: str
) -> str:
    """A cell in bold where it differs from the baseline; below it how much, of an ``against``."""
    other = variant.get("against", baseline)
    if other in (None, variant["name"]) or metric.get("words"):
        return cell
    found = compare_variants(record, variant["name"], other, metric["metric"])
    shown = f"**{cell}**" if found.p < _P else cell
    few = f"{found.pairs} pair{'s' * (found.pairs > 1)}"
    partly = 0 < found.pairs < len(record.config["seeds"])
    if "against" not in variant or metric.get("count") or not found.pairs:
        return f"{shown} ({few})" if partly else shown
    digits, scale = metric.get("digits", 1), metric["scale"]
    said = [f"{found.difference * scale:+.{digits}f}"]
    if found.pairs > 1:
        low, high = sorted((found.low * scale, found.high * scale))
        said = [f"{said[0]} ({low:+.{digits}f} to {high:+.{digits}f})", p_words(found.p)]
    return f"{shown}<br>{', '.join([*said, few] if partly else said)}"


def _cell(record: Record, variant: dict[str, Any], metric: dict[str, Any], seeds: int) -> str:
    if "words" in metric:
        return _said(record, variant["name"], metric["words"])
    key = f"{variant['name']}/{metric['metric']}"
    if f"{key}/mean" not in record.metrics:
        if metric.get("optional"):
            return "–"
        raise RecordError(
            f"record {record.name!r}: field 'metrics' lacks {key}/mean, which config.metrics "
            "lists; say optional=True there where a variant may lack it, and keep a new record"
        )
    mean, spread = record.metrics[f"{key}/mean"], record.metrics.get(f"{key}/sd")
    if mean is None or not math.isfinite(mean):
        return "not finite"
    if metric.get("count"):
        return f"{round(mean * seeds)} of {seeds}"
    digits, scale = metric.get("digits", 1), metric["scale"]
    cell = f"{mean * scale:.{digits}f}"
    return cell if spread is None else f"{cell} ± {spread * scale:.{digits}f}"


def _said(record: Record, variant: str, words: dict[str, str]) -> str:
    """How many seeds' notes begin with each of the words, as ``2 complete, 1 none``."""
    notes = [
        note.partition(": ")[2] for note in record.notes if note.startswith(f"stage {variant}/seed")
    ]
    counts = {
        said: sum(note.startswith(beginning) for note in notes) for beginning, said in words.items()
    }
    found = [f"{count} {said}" for said, count in counts.items() if count]
    return ", ".join(found) or "–"


def kept_phases(slug: str, name: str) -> Callable[[Results, str], str]:
    """As :func:`kept_study`, with :func:`phases_table`."""
    return _kept(slug, name, phases_table)


def kept_study(
    slug: str, name: str, group: str | None = None, baseline: str | None = None
) -> Callable[[Results, str], str]:
    """Make the table of the newest kept study of a name, with its seeds and its record."""
    return _kept(slug, name, lambda record: study_table(record, group, baseline), baseline)


def _kept(
    slug: str, name: str, make: Callable[[Record], str], baseline: str | None = None
) -> Callable[[Results, str], str]:
    def table(results: Results, to_root: str) -> str:
        newest = results.newest(slug)
        if name not in newest:
            return NOTHING
        folder, record = newest[name]
        try:
            table = make(record)
        except RecordError as error:
            raise RecordError(f"{folder}: {error}") from error
        seeds = ", ".join(str(seed) for seed in record.config["seeds"])
        link = f"[{Path(folder).name}]({to_root + folder})"
        labels = {variant["name"]: variant["label"] for variant in record.config["variants"]}
        against = ""
        if baseline is not None:
            against = f"; bold differs from {labels[baseline]} with p < {_P:g} (paired t-test)"
        elif any("against" in variant for variant in record.config["variants"]):
            against = (
                "; below it the difference from its baseline, with the 95 % interval and p of a "
                f"paired t-test over the seeds of both; bold: p < {_P:g}"
            )
        stale = _stale(results, folder)
        return f"{table}\n\nMean ± standard deviation over seeds {seeds}{against}: {link}.{stale}"

    return table


def _stale(results: Results, folder: str) -> str:
    """What to say of a record whose code has changed since, or may have."""
    state = results.state(folder)
    if state != "stale":
        return f" {legend([state])}".rstrip()
    changed = results.changed[folder]
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return f" Stale: its code has changed since, {', '.join(changed[:_SHOWN])}{more}."
