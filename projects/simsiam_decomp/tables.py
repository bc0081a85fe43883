"""Tables of the SimSiam decomposition, rows of the summary, and words for verdicts."""

from collections.abc import Iterable, Mapping
from typing import Any

from mmdense.records.kept_results import Results
from mmdense.records.record import Record
from mmdense.report.project_tables import Headline
from mmdense.report.study_table import score_of
from mmdense.report.table import Column, Table, Value
from mmdense.report.tables import kept_benchmarks, kept_study, study_notes

_STUDY = ("simsiam_decomp", "collapse_study")
_PHASE = "/phase/"  # in a metric's name: <variant>/phase/<head>/<reading>/mean

VERDICT_WORDS = {
    "complete collapse": "complete",
    "dimensional collapse": "dimensional",
    "diverged": "diverged",
    "the last BatchNorm hides the centre": "hidden",
    "too early to say": "too early",
    "healthy": "no",
    "lives": "no collapse",  # outcome in the paper, in kept records
}


def phases_table(record: Record) -> Table:
    """Return a row for each phase of each variant, with the readings at the end of the phase.

    Rows are in the order of training.

    Args:
        record: Record of a study with metrics ``phase/<head>/<reading>``.
    """
    rows: list[dict[str, Value]] = []
    readings: dict[str, None] = {}
    for variant in record.config["variants"]:
        start = variant["name"] + _PHASE
        found = [key.removeprefix(start) for key in record.metrics if key.startswith(start)]
        found = [key.removesuffix("/mean") for key in found if key.endswith("/mean")]
        readings |= dict.fromkeys(key.rpartition("/")[2] for key in found)
        for head in _in_training(variant, dict.fromkeys(k.rpartition("/")[0] for k in found)):
            row: dict[str, Value] = {"variant": variant["label"], "phase": head}
            for key in found:
                if key.rpartition("/")[0] == head:
                    metric = {"metric": f"phase/{key}", "scale": 1}
                    row[key.rpartition("/")[2]] = score_of(
                        record, {"name": variant["name"]}, metric, optional=True
                    )
            rows.append(row)
    columns = [Column("variant", "Variant"), Column("phase", "Phase")]
    columns += [Column(r, f"{r} at its end", format=".3f", numeric=True) for r in readings]
    return Table("Phases", columns, rows)


def study_tables(record: Record) -> list[Table]:
    """Return the table of phases, if the study has phases."""
    table = phases_table(record)
    return [table] if table.rows else []


def _in_training(variant: Mapping[str, Any], heads: Iterable[str]) -> list[str]:
    """Heads in the order of phases in the hook of a variant; others last."""
    changes = variant.get("changes", {})
    hooks = [*changes.get("default_hooks", {}).values(), *changes.get("custom_hooks", [])]
    order = [phase["head"] for hook in hooks if hook for phase in hook.get("phases", [])]
    return sorted(heads, key=lambda head: order.index(head) if head in order else len(order))


def _kept_phases(results: Results) -> Table:
    slug, name = _STUDY
    if name not in (newest := results.newest(slug)):
        return Table("", [], [])
    folder, record = newest[name]
    return study_notes(phases_table(record), folder, record)


TABLES = {
    "collapse_cost": kept_benchmarks("collapse", "Part"),
    **{
        f"collapse_{group}": kept_study(*_STUDY, group)
        for group in ("methods", "simsiam_parts", "triplet_parts", "eta", "order", "last_norm")
    },
    "collapse_phases": _kept_phases,
}

HEADLINES = [
    Headline(
        *("SimSiam's predictor and stop-gradient", *_STUDY),
        *("CIFAR-10 (JPEG), 5,000 images", "knn/k20_top1", "simsiam", "naive"),
    ),
    *(
        Headline(
            *(method, "downstream", "transfer_study", f"{data}{share}"),
            *(metric, f"{task}_{name}_{percent}", f"{task}_random_{percent}"),
        )
        for method, name in (
            ("SimSiam pretraining", "ssl"),
            ("EfficientNet-Lite0, supervised on ImageNet", "lite0"),
        )
        for task, data, metric in (("bccd", "BCCD", "coco/bbox_mAP"), ("camvid", "CamVid", "mIoU"))
        for percent, share in ((10, ", 10 % of the labels"), (100, ""))
    ),
]
