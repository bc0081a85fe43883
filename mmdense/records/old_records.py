"""Old records in the present layout: the one place that knows how earlier ones were written.

Kept records are never rewritten; :func:`mmdense.records.record.load` converts what it reads.
"""

import re
from typing import Any

__all__ = ["OLD_SCHEMAS", "converted"]

OLD_SCHEMAS = (1, 2, 3)
_VERDICTS = (  # began a note of CollapseHook
    *("healthy", "complete collapse", "dimensional collapse", "diverged"),
    *("the last BatchNorm hides the centre", "too early to say"),
)
_VERDICT = re.compile(
    rf"(?:stage (?P<stage>\S+): )?(?P<name>{'|'.join(_VERDICTS)})\. (?P<reason>.*)"
)


def converted(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a record of schema 1, 2 or 3 as schema 4 has it.

    The collapse verdict was a note, a label of a variant could hold Markdown, a metric had the
    words for its verdicts, and there was a hash of each source file.
    """
    content = {**content, "schema": 4, "verdict": None}
    for name in ("cost", "data"):
        content.setdefault(name, {})
    for name in ("sources", "comparisons"):
        content.pop(name, None)
    content["config"] = _config(content["config"])
    stages = {stage["name"]: dict(stage) for stage in content["stages"]}
    notes = []
    for note in content["notes"]:
        found = _VERDICT.fullmatch(note)
        if not found:
            notes.append(note)
        elif found["stage"] is None:
            content["verdict"] = {"name": found["name"], "reason": found["reason"]}
        elif found["stage"] in stages:
            verdict = {"name": found["name"], "reason": found["reason"]}
            stages[found["stage"]]["verdict"] = verdict
    return content | {"stages": list(stages.values()), "notes": notes}


def _config(config: dict[str, Any]) -> dict[str, Any]:
    """Labels of a study without Markdown, and metrics that show verdicts marked as such."""
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
