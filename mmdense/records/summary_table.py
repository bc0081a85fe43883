"""The first table of the README: what each method changes, from kept studies."""

from pathlib import Path
from typing import Any, NamedTuple

from mmdense.records.kept_results import Results
from mmdense.records.markdown import NOTHING, markdown
from mmdense.records.record import Record, RecordError
from mmdense.records.staleness import State, legend, marks

__all__ = ["Headline", "summary_table"]


class Headline(NamedTuple):
    """One row.

    Attributes:
        method: As a person reads it.
        slug: Of the kept study.
        study: Its name.
        data: Data set, as a person reads it.
        metric: One of the study's config.
        variant: With the method.
        baseline: Without it.
    """

    method: str
    slug: str
    study: str
    data: str
    metric: str
    variant: str
    baseline: str


_CASCADE = "Cascade RPN, two stages"

HEADLINES = (
    *(
        Headline(_CASCADE, "cascade_rpn", study, data, metric, "cascade_2", "rpn")
        for study, data, metric in (
            ("proposals_bccd", "BCCD, proposals", "proposals/AR100"),
            ("proposals_collage", "Collage (synthetic), proposals", "proposals/AR100"),
            ("detection_bccd", "BCCD, Faster R-CNN", "coco/bbox_mAP_75"),
            ("detection_collage", "Collage (synthetic), Faster R-CNN", "coco/mAP_75"),
        )
    ),
    Headline(
        *(_CASCADE, "cascade_rpn", "detection_bccd_pretrained"),
        *("BCCD, Faster R-CNN, pretrained, RoI head of the paper", "coco/bbox_mAP_75"),
        *("cascade_2_strict", "rpn_strict"),
    ),
    Headline(
        *("SimSiam's predictor and stop-gradient", "simsiam_decomp", "collapse_study"),
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
)


def summary_table(results: Results, to_root: str) -> str:
    """A row for each of :data:`HEADLINES` whose study is kept: mean and spread with and without.

    Raises:
        RecordError: The newest study of that name has no such variant or metric.
    """
    rows, seeds, machines = [], set(), set()
    states: list[State] = []
    for headline in HEADLINES:
        newest = results.newest(headline.slug)
        if headline.study not in newest:
            continue
        folder, record = newest[headline.study]
        seeds.add(len(record.config["seeds"]))
        machines.add(_machine(record))
        states.append(results.state(folder))
        measured = _metric(record, headline, folder)
        (without, spread), (value, spread_with) = (
            _score(record, name, measured, folder) for name in (headline.baseline, headline.variant)
        )
        rows.append(
            [
                headline.method,
                headline.data,
                measured["label"],
                f"{without:.1f} ± {spread:.1f}",
                f"{value:.1f} ± {spread_with:.1f}",
                f"{value - without:+.1f}",
                f"[{Path(folder).name}]({to_root + folder})",
            ]
        )
    if not rows:
        return NOTHING
    rows = [[*row[:-1], row[-1] + mark] for row, mark in zip(rows, marks(states), strict=True)]
    right = ("Without", "With", "Difference")
    table = markdown(["Method", "On", "Measured", *right, "Record"], rows, right=right)
    number = " or ".join(str(count) for count in sorted(seeds))
    said = f"Mean ± standard deviation over {number} seeds, on {' or '.join(sorted(machines))}."
    return f"{table}\n\n{' '.join(filter(None, [said, legend(states)]))}"


def _machine(record: Record) -> str:
    """What a study ran on, as its record has it."""
    gpus, cores = record.hardware["gpus"], record.hardware["cores"]
    return ", ".join(gpus) if gpus else ("one CPU core" if cores == 1 else f"{cores} CPU cores")


def _metric(record: Record, headline: Headline, where: str) -> dict[str, Any]:
    for metric in record.config["metrics"]:
        if metric["metric"] == headline.metric:
            return metric
    raise RecordError(f"{where}: the study has no metric {headline.metric!r}")


def _score(record: Record, variant: str, metric: dict[str, Any], where: str) -> tuple[float, float]:
    """Mean and deviation as they are shown."""
    key = f"{variant}/{metric['metric']}"
    if f"{key}/mean" not in record.metrics:
        raise RecordError(f"{where}: field 'metrics' lacks {key}/mean")
    spread = record.metrics.get(f"{key}/sd", 0.0)
    return record.metrics[f"{key}/mean"] * metric["scale"], spread * metric["scale"]
