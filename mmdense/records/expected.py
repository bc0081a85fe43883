"""Expected scores of configs, filled from kept records.

A config ends with

    _record = "pipelines/2026-11-22_bccd"
    expected = [
        dict(record=_record, metric="detect_ssl/coco/bbox_mAP", tolerance=0.03),
    ]

and :func:`refresh` writes the ``value`` of each entry from ``results/<record>/record.json``. An
entry of a config that was not run here has ``paper="..."`` (the source of its value) instead of
``record``, and is not changed. Record and paper are strings, or names of strings above.
"""

import ast
import json
from pathlib import Path
from typing import Any

from mmdense.records.record import FILE_NAME, RecordError, load

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
    assert isinstance(last.value, ast.List)
    entries = [
        _filled(entry, results, f"{where}: expected[{number}]")
        for number, entry in enumerate(read_expected(text, where))
    ]
    head = "".join(text.splitlines(keepends=True)[: last.lineno - 1])
    if not entries:
        return f"{head}expected = []\n"
    lines = map(_written, entries, last.value.elts)
    return f"{head}expected = [\n{''.join(lines)}]\n"


def read_expected(text: str, where: str = "config") -> list[dict[str, Any]]:
    """Return the entries of ``expected`` from the text of a config, without running it.

    Raises:
        RecordError: An entry is not written as ``dict(...)``.
    """
    last = _assignment(text)
    if last is None:
        return []
    assert isinstance(last.value, ast.List)
    strings = {
        statement.targets[0].id: statement.value.value
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        if isinstance(statement.value, ast.Constant)
    }
    return [_entry(node, strings, where) for node in last.value.elts]


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


def _entry(node: ast.expr, strings: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the value of ``dict(key=literal or name, ...)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise RecordError(
            f"{where}: an expected entry is written as dict(record=..., metric=..., ...)"
        )
    return {
        str(word.arg): strings[word.value.id]
        if isinstance(word.value, ast.Name) and word.value.id in strings
        else ast.literal_eval(word.value)
        for word in node.keywords
    }


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


def _written(entry: dict, node: ast.expr) -> str:
    """Return an entry in the format of ruff, on one line if it fits; names stay."""
    assert isinstance(node, ast.Call)
    names = {word.arg: word.value.id for word in node.keywords if isinstance(word.value, ast.Name)}
    source = "paper" if "paper" in entry else "record"
    words = [f"{source}={names.get(source) or json.dumps(entry[source])}"]
    words += [f"metric={json.dumps(entry['metric'])}"]
    words += [f"{key}={entry[key]!r}" for key in ("value", "tolerance")]
    line = f"    dict({', '.join(words)}),\n"
    if len(line) <= 101:
        return line
    return "    dict(\n" + "".join(f"        {word},\n" for word in words) + "    ),\n"
