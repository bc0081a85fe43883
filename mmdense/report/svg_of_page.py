"""An SVG of matplotlib as a part of a page, short and in the colours of the page."""

import re
from collections.abc import Mapping

__all__ = ["for_page"]


def for_page(svg: str, name: str, variables: Mapping[str, str]) -> str:
    """Only the ``<svg>`` itself, its ids its own, its colours variables, its size the page's.

    Args:
        svg: As matplotlib writes it.
        name: Begins every id.
        variables: Of CSS, by the colours that they stand for, such as ``#FFFFFF``.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    first, rest = svg.split(">", 1)
    svg = re.sub(r'\s(xmlns(:xlink)?|width|height|version)="[^"]*"', "", first) + ">" + rest
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # nothing names a group
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: _shortened(tag[0]), svg)
    svg = re.sub(r">\s+<", "><", svg)
    for colour, variable in variables.items():
        svg = svg.replace(colour.lower(), f"var({variable})")
    return svg.strip()


def _shortened(tag: str) -> str:
    """A tag to the hundredth of a point, without what says nothing or is the page's own."""
    tag = re.sub(r"font-family: [^;\"]*; ", "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag)
    return re.sub(r"\s*\n", " ", tag)
