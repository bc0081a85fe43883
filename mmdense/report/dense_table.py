"""The scores of a dense evaluation as a table."""

from collections.abc import Sequence

from mmdense.evaluation.dense.protocol import DenseScore
from mmdense.report.table import Column, Table, Value

_IDENTIFIER = Column("identifier", "settings")


def dense_table(
    scores: Sequence[DenseScore],
    *,
    title: str = "",
    left_out: Sequence[str] = (),
    identifiers: bool = False,
) -> Table:
    """Return a row for each metric of each protocol.

    Args:
        scores: Results of the protocols.
        title: Title of the table.
        left_out: Which other protocols have no score and why, for the notes.
        identifiers: Whether to show the identifiers, with all settings.
    """
    rows: list[dict[str, Value]] = []
    for one in scores:
        for metric, value in one.metrics.items():
            rows.append({"protocol": one.name, "metric": metric, "value": value})
            rows[-1]["seconds"] = one.seconds
            if identifiers:
                rows[-1]["identifier"] = one.identifier
    columns = [
        Column("protocol", "protocol"),
        Column("metric", "metric"),
        Column("value", "value", numeric=True),
        Column("seconds", "time", unit="s", format=".1f", numeric=True),
    ]
    notes = [f"{line[0].upper()}{line[1:]}." for line in left_out]
    return Table(title, [*columns, _IDENTIFIER] if identifiers else columns, rows, notes)
