"""Tables in Markdown."""

from collections.abc import Sequence

__all__ = ["NOTHING", "markdown", "plain_text"]

NOTHING = "*No record yet.*"


def markdown(header: list[str], rows: list[list[str]], right: Sequence[str]) -> str:
    """A Markdown table, the columns named in ``right`` aligned to the right."""
    if not rows:
        return NOTHING
    rule = ["---:" if name in right else "---" for name in header]
    lines = [header, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain_text(markdown: str) -> str:
    """A label of a table in Markdown without its marks for bold and code."""
    return markdown.replace("**", "").replace("`", "")
