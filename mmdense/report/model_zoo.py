"""Metafiles, the model index and the CSV file of all scores.

``metafile.yml`` of each project and ``model-index.yml`` are in OpenMMLab's format. ``results.csv``
has every kept score in one table. All are written from ``results/`` and from the ``expected``
scores of the configs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmdense.records.expected import read_expected
from mmdense.records.kept_results import Results
from mmdense.records.record import Record
from mmdense.records.statistics import summarise
from mmdense.report.table import Column, Table, Value

_COLUMNS = ("record", "date", "commit", "part", "metric", "mean", "sd", "low", "high", "runs")


def model_index(metafiles: Sequence[str]) -> str:
    """Return ``model-index.yml``: the list of all metafiles, which ``mim`` reads."""
    return _dump({"Import": list(metafiles)})


def metafile(text: str, configs: Mapping[str, str], results: Results) -> str:
    """Return the metafile of a project with new ``Models`` and the same ``Collections``.

    Args:
        text: Text of the present metafile.
        configs: Text of each config of the project by its path, with its expected values filled
            in. Studies and configs without expected values are left out.
        results: Kept records, for the task and the data set of a score.
    """
    collections = yaml.safe_load(text)["Collections"]
    models = [
        model
        for config, content in sorted(configs.items())
        if not Path(config).stem.startswith("study_")
        and (model := _model(config, content, collections[0]["Name"], results)) is not None
    ]
    # MMEngine reads the key of every metafile of a package.
    return _dump({"Collections": collections, "Models": models})


def _model(config: str, content: str, collection: str, results: Results) -> dict[str, Any] | None:
    """Return one entry of a metafile: measured scores in ``Results``, others in ``Published``."""
    expected = read_expected(content, config)
    if not expected:
        return None
    kept = {folder.removeprefix("results/"): record for folder, record in results.records}
    measured: dict[tuple[str, str], dict[str, float]] = {}
    published: dict[str, dict[str, float]] = {}
    for entry in expected:
        if "paper" in entry:
            published.setdefault(entry["paper"], {})[entry["metric"]] = entry["value"]
            continue
        place = _task_and_data(kept[entry["record"]], entry["metric"])
        measured.setdefault(place, {})[entry["metric"]] = entry["value"]
    model: dict[str, Any] = {
        "Name": Path(config).stem,
        "In Collection": collection,
        "Config": config,
        "Results": [
            {"Task": task, "Dataset": data, "Metrics": metrics}
            for (task, data), metrics in measured.items()
        ]
        or None,
    }
    if published:
        model["Published"] = [
            {"Source": source, "Metrics": metrics} for source, metrics in published.items()
        ]
    return model


def _task_and_data(record: Record, metric: str) -> tuple[str, str]:
    """Return task and data set of the stage whose name a metric begins with."""
    part = metric.partition("/")[0]
    for stage in record.stages:
        if stage["name"].partition("/")[0] == part:
            return stage["task"], stage["data"]
    return record.slug, record.name


def scores_csv(results: Results) -> str:
    """Return every score of every kept record; for studies mean, deviation and interval.

    Returns:
        CSV with a header, numbers with six significant digits, lines ending in a newline.
    """
    rows: list[dict[str, Value]] = []
    for folder, record in results.records:
        start = folder.removeprefix("results/"), record.date[:10], (record.git["commit"] or "")[:10]
        for part, metric, values in _scores(record):
            found = summarise(values)
            numbers = found.mean, found.sd, found.low, found.high, len(values)
            rows.append(dict(zip(_COLUMNS, (*start, part, metric, *numbers), strict=True)))
    return Table("", [Column(name, name) for name in _COLUMNS], rows).csv()


def _scores(record: Record) -> list[tuple[str, str, list[float]]]:
    """Return part, metric and the scores of its runs: one run, or one for each seed."""
    if not record.stages:
        return [("", metric, [value]) for metric, value in record.metrics.items()]
    found: dict[tuple[str, str], list[float]] = {}
    for stage in record.stages:
        for metric, value in stage["metrics"].items():
            if value is not None:
                found.setdefault((stage["name"].partition("/seed")[0], metric), []).append(value)
    return [(part, metric, values) for (part, metric), values in found.items()]


def _dump(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
