"""Expected scores of configs, filled from kept records.

A config ends with

    expected = [
        dict(record="pipelines/2026-11-22_bccd", metric="detect_ssl/coco/bbox_mAP", tolerance=0.03),
    ]

and :func:`refresh` writes the ``value`` of each entry from ``results/<record>/record.json``. An
entry of a config that was not run here has ``paper="..."`` (the source of its value) instead of
``record``, and is not changed.
"""

import ast
from pathlib import Path
from typing import Any

from mmdense.records.record import FILE_NAME, RecordError, load

__all__ = ["PART_OF_A_WHOLE", "read_expected", "refresh", "refresh_all"]

# Set in the environment of a stage: its pipeline or study checks the expected scores.
PART_OF_A_WHOLE = "MMDENSE_STAGE"

_KEYS = ("record", "metric", "tolerance")


def refresh(text: str, *, results: Path, where: str = "config") -> str:
    """Return the text of a config with the expected values from their records.

    Args:
        text: Text of the config; without a list ``expected`` at its end it is unchanged.
        results: Folder of kept results.
        where: Name of the config, for messages.

    Raises:
        RecordError: An entry lacks a key, or names a record or a metric that does not exist.
    """
    last = _assignment(text)
    if last is None:
        return text
    entries = [
        _filled(entry, results, f"{where}: expected[{number}]")
        for number, entry in enumerate(read_expected(text, where))
    ]
    head = "".join(text.splitlines(keepends=True)[: last.lineno - 1])
    return head + _written(entries)


def read_expected(text: str, where: str = "config") -> list[dict[str, Any]]:
    """Return the entries of ``expected`` from the text of a config, without running it.

    Raises:
        RecordError: An entry is not written as ``dict(...)``.
    """
    last = _assignment(text)
    if last is None:
        return []
    assert isinstance(last.value, ast.List)
    return [_literal(node, where) for node in last.value.elts]


def refresh_all(configs: Path, *, results: Path) -> dict[Path, str]:
    """Return the new text of every config below a folder whose text changes."""
    changed = {}
    for path in sorted(configs.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        fresh = refresh(text, results=results, where=str(path))
        if fresh != text:
            changed[path] = fresh
    return changed


def _assignment(text: str) -> ast.Assign | None:
    """Return the last statement if it assigns ``expected``."""
    body = ast.parse(text).body
    last = body[-1] if body else None
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return last if last.targets[0].id == "expected" else None
    return None


def _literal(node: ast.expr, where: str) -> dict[str, Any]:
    """Return the value of ``dict(key=literal, ...)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise RecordError(
            f"{where}: an expected entry is written as dict(record=..., metric=..., ...)"
        )
    return {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}


def _filled(entry: dict, results: Path, where: str) -> dict:
    keys = ("paper", "metric", "value", "tolerance") if "paper" in entry else _KEYS
    missing = [key for key in keys if key not in entry]
    if missing:
        raise RecordError(f"{where} lacks {', '.join(missing)}")
    if "paper" in entry:
        return entry
    record = load(results / entry["record"] / FILE_NAME)
    if entry["metric"] not in record.metrics:
        raise RecordError(
            f"{where}.metric {entry['metric']!r} is not in record {entry['record']}; it has "
            f"{', '.join(sorted(record.metrics))}"
        )
    return {**entry, "value": record.metrics[entry["metric"]]}


def _written(entries: list[dict]) -> str:
    """Return the list in the format of ruff."""
    if not entries:
        return "expected = []\n"
    lines = ["expected = ["]
    for entry in entries:
        source = "paper" if "paper" in entry else "record"
        lines += [
            "    dict(",
            f'        {source}="{entry[source]}",',
            f'        metric="{entry["metric"]}",',
            f"        value={entry['value']!r},",
            f"        tolerance={entry['tolerance']!r},",
            "    ),",
        ]
    return "\n".join([*lines, "]", ""])
