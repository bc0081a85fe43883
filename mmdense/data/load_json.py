"""A JSON reader whose errors name the file, line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load_json"]


def load_json(path: str | Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is empty, truncated or not JSON; the message has line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such annotation file. Check ann_file.")
    content = path.read_bytes()
    if not content.strip():
        raise ValueError(f"{path}: the file is empty. Write or copy it again.")
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].strip()
        # The error position of an unterminated string is its start.
        cut = not rest or error.msg.startswith("Unterminated string")
        reason = "the file seems to be truncated" if cut else "not valid JSON"
        raise ValueError(
            f"{path}, line {error.lineno}, column {error.colno}: {reason} ({error.msg}). "
            "Write or copy the file again."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file ({error}). Write or copy it again.") from error
