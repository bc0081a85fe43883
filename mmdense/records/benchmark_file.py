"""What `python -m benchmarks --json` wrote, read and checked."""

import json
import math
from pathlib import Path
from typing import Any

from mmdense.records.record import RecordError

__all__ = ["BENCHMARK_FILE_NAME", "benchmark_rows"]

BENCHMARK_FILE_NAME = "benchmark.json"
_KEYS = ("name", "setting", "other", "ratio")


def benchmark_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark, checked.

    Raises:
        RecordError: The file is broken, or a ratio is not that of its sides.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{file}: not a JSON object with 'results' ({error!r})") from error
    for number, row in enumerate(rows):
        missing = [key for key in _KEYS if key not in row]
        if missing:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(missing)}")
        unit = "mib" if "ours_mib" in row else "s"
        sides = f"ours_{unit}", f"other_{unit}"
        if lost := [key for key in sides if key not in row]:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(lost)}")
        ratio = row[sides[1]] / row[sides[0]]
        if not math.isclose(row["ratio"], ratio, rel_tol=0.25):
            raise RecordError(
                f"{file}: results[{number}].ratio is {row['ratio']:.3g}, "
                f"but {sides[1]} / {sides[0]} is {ratio:.3g}"
            )
    return rows
