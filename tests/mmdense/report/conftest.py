"""Pages whose charts are not drawn, for tests of everything else in them."""

import pytest

from mmdense.report import charts


@pytest.fixture
def undrawn(monkeypatch):
    """Every panel is the same empty image, and no PNG is written."""
    monkeypatch.setattr(charts, "panel_svg", lambda panel, runs: b"<svg/>")
