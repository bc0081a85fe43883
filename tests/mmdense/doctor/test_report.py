import sys

from mmdense.doctor.finding import Finding
from mmdense.doctor.report import print_report

GROUPS = [("Versions", [("packages", "torch 2.13.0, " * 20), ("", "mmcv 2.3.6")])]
SERIOUS = Finding("two of it", "seen " * 100, "pip uninstall -y " + "x" * 100)
NOTE = Finding("a note", "this", "nothing", serious=False)


def test_everything_fits(capsys):
    print_report(GROUPS, [])
    out = capsys.readouterr().out
    assert out.endswith("Everything fits\n")
    assert "\x1b[" not in out


def test_text_is_wrapped_and_cut_but_a_command_stays_whole(capsys):
    print_report(GROUPS, [SERIOUS, NOTE])
    lines = capsys.readouterr().out.splitlines()
    assert "To do: 1" in lines
    assert f"  do            {SERIOUS.advice}" in lines
    assert all(len(line) <= 80 for line in lines if SERIOUS.advice not in line)
    assert sum("seen seen" in line for line in lines) == 3
    assert next(line for line in lines if line.endswith(" ..."))


def test_notes_alone_ask_for_nothing(capsys):
    print_report([], [NOTE])
    assert capsys.readouterr().out.startswith("Nothing has to be done. Good to know:\n  a note\n")


def test_without_rich_it_is_plain(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    print_report(GROUPS, [SERIOUS])
    assert "To do: 1" in capsys.readouterr().out
