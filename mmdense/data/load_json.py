"""A JSON file, or an error that names it and the place in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load_json"]


def load_json(path: str | Path) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, cut off, or not JSON; with line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such annotation file; check ann_file")
    content = path.read_bytes()
    if not content.strip():
        raise ValueError(f"{path}: the file is empty; write or copy it again")
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].strip()
        # A string that never ends is reported at its beginning.
        cut = not rest or error.msg.startswith("Unterminated string")
        reason = "the file seems cut off" if cut else "this is not JSON"
        raise ValueError(
            f"{path}, line {error.lineno}, column {error.colno}: {reason} ({error.msg}); "
            "write or copy it again"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is not text ({error}); write or copy it again") from error
