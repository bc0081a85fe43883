"""What the verdict on a run was, why, and what to do about it, as HTML."""

import math
from collections.abc import Sequence
from html import escape

from mmdense.collapse.report.advice import advice_of, observations
from mmdense.collapse.report.runs import Run

__all__ = ["number_text", "verdict_badge", "verdict_card"]

_PHASES = 8  # that are told before it says how many more there are
_MARKS = {"good": "✓", "bad": "✗", "unsure": "?"}


def verdict_card(run: Run, *, swatch: str = "", unfolded: bool = False, level: int = 2) -> str:
    """A section on one run.

    Args:
        run: The run.
        swatch: Of its line, as HTML, before its name.
        unfolded: Show what to try without a click.
        level: Of its heading; the headings within it are one below.
    """
    advice = advice_of(run.verdict)
    parts = [
        f"<h{level}>{swatch}{escape(run.name)}</h{level}>",
        f"<p>{verdict_badge(run.verdict)}</p>",
        f'<p class="reason">{escape(_sentence(run.reason))}</p>' if run.reason else "",
        f"<p>{escape(advice.meaning)}</p>",
        _list("Also seen", observations(run), level=level + 1),
        f"<details{' open' if unfolded else ''}><summary>What to try next</summary>",
        _list("", advice.remedies, level=level + 1, ordered=True),
        _list("Causes", advice.causes, level=level + 1),
        "</details>",
        _facts(run),
    ]
    return f'<section class="run {advice.tone}">{"".join(parts)}</section>'


def verdict_badge(verdict: str) -> str:
    """A verdict with its mark and its colour."""
    tone = advice_of(verdict).tone
    return (
        f'<strong class="badge {tone}"><span aria-hidden="true">{_MARKS[tone]}</span> '
        f"{escape(verdict or 'no verdict yet')}</strong>"
    )


def number_text(value: float | None, digits: int) -> str | None:
    """A reading with that many digits behind the point; None stays None."""
    if value is None:
        return None
    # Adding zero makes the -0.0 of a rounded value 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "not finite"


def _list(title: str, sentences: Sequence[str], *, level: int, ordered: bool = False) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    tag = "ol" if ordered else "ul"
    heading = f"<h{level}>{escape(title)}</h{level}>" if title else ""
    return f"{heading}<{tag}>{items}</{tag}>"


def _facts(run: Run) -> str:
    facts = run.facts
    hidden = facts.get("centre_hidden")
    named = {
        "method": facts.get("method"),
        "last step": f"{run.last_step:,}" if run.last_step else None,
        "channels D": facts.get("channels"),
        "images in a batch B": facts.get("batch"),
        "vectors behind m_o, M": facts.get("vectors"),
        "floor of m_o": number_text(facts.get("centre_floor"), 3),
        "last BatchNorm hides the centre": None if hidden is None else ("yes" if hidden else "no"),
        "heads in turn, from step": _phases(run) or None,
        "checkpoints": ", ".join(facts.get("checkpoints", [])) or None,
    }
    for space, sizes in facts.get("spaces", {}).items():
        named[f"fixed images, {space}"] = f"{sizes['images']} × {sizes['channels']} channels"
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in named.items()
        if value is not None
    )
    return f"<details><summary>Facts of the run</summary><dl>{rows}</dl></details>" if rows else ""


def _phases(run: Run) -> str:
    """The heads whose loss a run had, each with the step of its start."""
    said = [f"{head} {start:,}" for start, head in run.phases[:_PHASES]]
    left = len(run.phases) - len(said)
    return ", ".join([*said, *([f"and {left} more"] if left else [])])


def _sentence(text: str) -> str:
    reading = text.split(maxsplit=1)[0] in ("m_o", "m_r")  # names keep their letters
    begun = text if reading else text[0].upper() + text[1:]
    return begun if begun.endswith(".") else f"{begun}."
