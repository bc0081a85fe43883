"""Whether the code behind a result has changed since, and how a table says so."""

from collections.abc import Sequence
from typing import Literal

__all__ = ["State", "legend", "marks"]

#: "current", "stale" (code has changed since), or "unknown": the result does not list its code.
State = Literal["current", "stale", "unknown"]

_MARKS: dict[State, str] = {"current": "", "stale": " (stale)", "unknown": " (code unknown)"}
_LEGENDS: dict[State, str] = {
    "stale": "Stale: code that the row came from has changed since.",
    "unknown": "Code unknown: the record does not list its code, so a change since cannot be told.",
}
_ALL_UNKNOWN = "Code unknown: no record here lists its code, so a change since cannot be told."


def marks(states: Sequence[State]) -> list[str]:
    """What stands behind the link of each row; nothing where the legend says it of all rows."""
    everywhere = set(states) == {"unknown"}
    return ["" if everywhere else _MARKS[state] for state in states]


def legend(states: Sequence[State]) -> str:
    """What the marks of a table mean; empty where it has none."""
    if set(states) == {"unknown"}:
        return _ALL_UNKNOWN
    return " ".join(said for state, said in _LEGENDS.items() if state in states)
