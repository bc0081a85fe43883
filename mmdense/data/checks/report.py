"""Findings as a table for a person."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdense.data.checks.finding import Finding

__all__ = ["print_findings"]

_EXAMPLES = 3


def print_findings(title: str, findings: list[Finding], console: Console) -> None:
    """Print one row a kind of finding, errors first, with its first examples.

    Where all are of one file, the title names it, else each example.

    Args:
        title: What was checked.
        findings: Findings of the same kind have the same level, field and advice.
        console: Where to print.
    """
    if not findings:
        console.print(f"{title}: nothing found", markup=False, highlight=False)
        return
    kinds: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.level, finding.field, finding.advice].append(finding)
    files = {finding.file for finding in findings}
    in_title = f"{title}: {findings[0].file}" if len(files) == 1 else title
    table = Table(title=Text(in_title), title_justify="left", show_lines=True)
    for heading in ("level", "field"):
        table.add_column(heading, no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("the first", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for (level, field, advice), group in sorted(kinds.items(), key=lambda kind: kind[0][0]):
        examples = [_example(finding, name_file=len(files) > 1) for finding in group[:_EXAMPLES]]
        if len(group) > _EXAMPLES:
            examples.append("...")
        table.add_row(level, field, f"{len(group):,}", "\n".join(examples), advice)
    console.print(table, markup=False, highlight=False)


def _example(finding: Finding, *, name_file: bool) -> str:
    parts = (finding.file if name_file else "", finding.where, finding.problem)
    return ": ".join(part for part in parts if part)
