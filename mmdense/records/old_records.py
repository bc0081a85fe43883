"""Conversion of old records to the present layout.

Kept records are never rewritten; :func:`mmdense.records.record.load` converts them on reading.
"""

import re
from typing import Any

from mmdense.records.checks import check_scores

OLD_SCHEMAS = (1, 2, 3)
_VERDICTS = (  # began a note of CollapseHook
    *("healthy", "complete collapse", "dimensional collapse", "diverged"),
    *("the last BatchNorm hides the centre", "too early to say"),
)
_VERDICT = re.compile(
    rf"(?:stage (?P<stage>\S+): )?(?P<name>{'|'.join(_VERDICTS)})\. (?P<reason>.*)"
)
_CHECKED = re.compile(r"\S+ is .+, expected .+ ± .+: (within tolerance|outside, by \S+)")
_ELSEWHERE = re.compile(r"stages? .+ ran at commit \w+")  # which its stages hold
_OF_CODE = re.compile(r"not all parts ran with the same .+|the code of .+ is not known")
_NOT_FINITE = ": not finite"
FIRST = 20  # losses that a training keeps


def converted(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a record of schema 1, 2 or 3 in schema 4.

    The collapse verdict, comparisons with expected scores, values that are not finite and stages
    of another commit were notes; a label of a variant could hold Markdown; a metric had the words
    for its verdicts; and there was a hash of each source file.
    """
    content = {**content, "schema": 4, "verdict": None, "not_finite": []}
    expected = content["config"].get("expected") or []
    content["checks"] = [vars(check) for check in check_scores(expected, content["metrics"])]
    content["first_losses"] = _first_losses(content["curves"])
    for name in ("cost", "data"):
        content.setdefault(name, {})
    for name in ("sources", "comparisons"):
        content.pop(name, None)
    content["config"] = _config(content["config"])
    stages = {
        stage["name"]: {**stage, "first_losses": _first_losses(stage.get("curves", {}))}
        for stage in content["stages"]
    }
    notes = []
    for note in content["notes"]:
        found = _VERDICT.fullmatch(note)
        if note.endswith(_NOT_FINITE):
            content["not_finite"].append(note.removesuffix(_NOT_FINITE))
        elif any(kind.fullmatch(note) for kind in (_CHECKED, _ELSEWHERE, _OF_CODE)):
            continue
        elif not found:
            notes.append(note)
        elif found["stage"] is None:
            content["verdict"] = {"name": found["name"], "reason": found["reason"]}
        elif found["stage"] in stages:
            verdict = {"name": found["name"], "reason": found["reason"]}
            stages[found["stage"]]["verdict"] = verdict
    return content | {"stages": list(stages.values()), "notes": notes}


def _first_losses(curves: dict[str, list]) -> list[float]:
    """Return the losses of the first steps, if the curve has a point for each of them."""
    points = curves.get("train/loss", [])[:FIRST]
    each = all(point[0] == step for step, point in enumerate(points, start=1))
    return [value for _, value in points] if each else []


def _config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a study without Markdown in labels, with verdict metrics marked."""
    config = dict(config)
    if {"variants", "metrics"} <= set(config):
        config["variants"] = [
            {**variant, "label": variant["label"].replace("**", "").replace("`", "")}
            for variant in config["variants"]
        ]
        config["metrics"] = [
            {key: value for key, value in metric.items() if key != "words"}
            | ({"verdict": True} if "words" in metric else {})
            for metric in config["metrics"]
        ]
    return config
