"""The tool that writes the report, as a person starts it."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.mmdense.report.made_up_records import run, study

TOOL = str(Path(__file__).resolve().parents[1] / "tools" / "report.py")


@pytest.fixture
def start(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["report.py", *map(str, arguments)])
        return runpy.run_path(TOOL)["main"]()

    return call


def test_it_prints_where_the_page_is(tmp_path, start, capsys):
    assert start(run(tmp_path / "a")) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a/report.html\n"
    assert start(study(tmp_path / "b"), "-o", tmp_path / "c.html", "--baseline", "plain") == 0
    assert "p 0.0028" in (tmp_path / "c.html").read_text()


def test_what_cannot_be_reported_is_said(tmp_path, start, capsys):
    assert start(tmp_path) == 1
    assert "no record found; looked for record.json in it" in capsys.readouterr().err
    assert start(run(tmp_path / "a"), "--baseline", "x") == 1
    assert "no variant 'x' to compare with: there is no study" in capsys.readouterr().err
    assert not (tmp_path / "a" / "report.html").exists()
