"""Table of a study: a row for each variant, with mean and standard deviation over its seeds."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmdense.records.record import Record, RecordError
from mmdense.records.statistics import Paired, compare_variants
from mmdense.report.table import Column, Score, Table, Text, Value

_UP = re.compile(r"AP|AR|IoU|Acc|Dice|accuracy|top\d|recall|precision")
_DOWN = re.compile(r"loss|error")


def study_table(
    record: Record,
    variants: Sequence[str] | None = None,
    baseline: str | None = None,
    *,
    title: str = "",
    strong: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
    lenient: bool = False,
) -> Table:
    """Return a table with one row for each variant: mean and standard deviation over the seeds.

    Args:
        record: Record of a study. A metric of its config has ``metric``, ``label`` and ``scale``
            (a factor for the values shown). Optional keys are ``digits`` (decimal places, 1 by
            default), ``count`` (the metric is 1 or 0: show the number of seeds with 1),
            ``verdict`` (show the number of seeds for each verdict) and ``optional`` (a variant
            may lack the metric). The outcome of a variant in its paper, ``paper``, is a separate
            column.
        variants: Names of the variants, in the order of the rows; all by default.
        baseline: Variant that the others are compared with, seed by seed. Scores that differ with
            p < 0.05 in a paired t-test are bold. A variant whose config has ``against`` is
            compared with that variant, and its cells show the difference.
        title: Title of the table.
        strong: Names of variants whose labels are bold.
        words: Words in the table for verdicts and for outcomes in a paper.
        lenient: Whether a variant may lack any metric.

    Raises:
        RecordError: The record is not one of a study, or lacks a score, a variant or the baseline.
    """
    _check(record, baseline)
    config = record.config
    words = words or {}
    by_name = {variant["name"]: variant for variant in config["variants"]}
    chosen = [by_name[name] for name in (by_name if variants is None else variants)]
    metrics = [m for m in config["metrics"] if _has_column(record, chosen, m, lenient=lenient)]
    published = any("paper" in variant for variant in chosen)
    columns = [Column("variant", "Variant")]
    columns += [Column("paper", "Paper")] if published else []
    columns += [
        Column(
            metric["metric"],
            metric["label"],
            format=f".{metric.get('digits', 1)}f",
            numeric=not metric.get("verdict"),
            higher_is_better=higher_is_better(metric["metric"]),
        )
        for metric in metrics
    ]
    rows = []
    for variant in chosen:
        row: dict[str, Value] = {
            "variant": Text(variant["label"], strong=variant["name"] in strong)
        }
        if published:
            outcome = variant.get("paper")
            row["paper"] = words.get(outcome, outcome)
        for metric in metrics:
            optional = lenient or metric.get("optional", False)
            row[metric["metric"]] = (
                _verdicts(record, variant["name"], words)
                if metric.get("verdict")
                else score_of(record, variant, metric, baseline, optional=optional)
            )
        rows.append(row)
    return Table(title, columns, rows)


def score_of(
    record: Record,
    variant: Mapping[str, Any],
    metric: Mapping[str, Any],
    baseline: str | None = None,
    *,
    optional: bool = False,
) -> Score | None:
    """Return the score of a variant of a study, in the unit of the table.

    Raises:
        RecordError: The record lacks it, and it is not ``optional``.
    """
    key, scale = f"{variant['name']}/{metric['metric']}", metric["scale"]
    if f"{key}/mean" not in record.metrics:
        if optional:
            return None
        raise RecordError(
            f"record {record.name!r}: field 'metrics' lacks {key}/mean, which config.metrics "
            "lists. If a variant may lack it, set optional=True in the metric and keep a new record"
        )
    mean, sd = record.metrics[f"{key}/mean"], record.metrics.get(f"{key}/sd")
    other = variant.get("against", baseline)
    found = None
    if other not in (None, variant["name"]):
        found = _scaled(compare_variants(record, variant["name"], other, metric["metric"]), scale)
    return Score(
        mean=math.nan if mean is None else mean * scale,
        sd=None if sd is None else sd * scale,
        seeds=len(record.config["seeds"]),
        counted=metric.get("count", False),
        against=found,
        detailed="against" in variant,
    )


def variants_by_group(config: Mapping[str, Any]) -> dict[str | None, list[str]]:
    """Return the names of the variants of each table of a study, in the order of the tables.

    Args:
        config: Config of the study. A table has the variants of one ``group``, those without a
            group (key None), or those that ``tables`` lists under its name.
    """
    found: dict[str | None, list[str]] = {}
    for variant in config["variants"]:
        found.setdefault(variant.get("group"), []).append(variant["name"])
    return found | {group: list(names) for group, names in config.get("tables", {}).items()}


def variants_of(record: Record, group: str | None) -> list[str]:
    """Return the names of the variants of one table of a study; all if ``group`` is None.

    Raises:
        RecordError: There is no such table, or it lists an unknown variant.
    """
    names = [variant["name"] for variant in record.config["variants"]]
    if group is None:
        return names
    groups = variants_by_group(record.config)
    if group not in groups:
        listed = ", ".join(sorted(name for name in groups if name is not None)) or "none"
        raise RecordError(
            f"record {record.name!r}: unknown group {group!r}; config.variants and config.tables "
            f"have the groups {listed}"
        )
    if unknown := sorted(set(groups[group]) - set(names)):
        raise RecordError(
            f"record {record.name!r}: config.tables.{group} lists {', '.join(unknown)}, which "
            "config.variants lacks"
        )
    return groups[group]


def higher_is_better(metric: str) -> bool | None:
    """Return whether a higher score is better; None if neither is, as for a standard deviation."""
    if _DOWN.search(metric):
        return False
    return True if _UP.search(metric) else None


def _check(record: Record, baseline: str | None) -> None:
    """Raise a RecordError if the record lacks a key that the table needs."""
    where = f"record {record.name!r}: config"
    if lost := [key for key in ("seeds", "variants", "metrics") if key not in record.config]:
        raise RecordError(f"{where} lacks {', '.join(lost)}: it is not a record of a study")
    for what, keys in (("variants", ("name", "label")), ("metrics", ("metric", "label", "scale"))):
        for number, entry in enumerate(record.config[what]):
            if lost := [key for key in keys if key not in entry]:
                raise RecordError(f"{where}.{what}[{number}] lacks {', '.join(lost)}")
    names = [variant["name"] for variant in record.config["variants"]]
    if baseline is not None and baseline not in names:
        raise RecordError(
            f"{where}.variants has no baseline {baseline!r}; it has {', '.join(names)}"
        )


def _has_column(
    record: Record, variants: Sequence[Mapping], metric: Mapping[str, Any], *, lenient: bool
) -> bool:
    """Return whether a metric has a column; an optional metric needs one variant that has it."""
    if metric.get("verdict") or not (lenient or metric.get("optional")):
        return True
    return any(f"{v['name']}/{metric['metric']}/mean" in record.metrics for v in variants)


def _scaled(found: Paired, scale: float) -> Paired:
    low, high = sorted((found.low * scale, found.high * scale))
    return found._replace(difference=found.difference * scale, low=low, high=high)


def _verdicts(record: Record, variant: str, words: Mapping[str, str]) -> dict[str, int]:
    """Return the number of seeds for each verdict, in the order of the words."""
    found = Counter(
        stage["verdict"]["name"]
        for stage in record.stages
        if stage["name"].startswith(f"{variant}/seed") and stage.get("verdict")
    )
    order = sorted(found, key=lambda name: list(words).index(name) if name in words else len(words))
    return {words.get(name, name): found[name] for name in order}
