"""Generated tables between marks in Markdown, and the tool that fills them."""

import subprocess
import sys

import pytest

from mmdense.records.marked_tables import MarkError, fill_tables
from mmdense.records.record import RecordError
from tools.tables import main

TABLES = {"a": lambda: "| new |", "b": lambda: "| other |"}


def test_only_the_text_between_the_marks_changes():
    text = "# T\n\n<!-- table:a -->\n| old |\nmore\n<!-- /table:a -->\nend  \n"
    new = fill_tables(text, TABLES, "README.md")
    assert new == "# T\n\n<!-- table:a -->\n| new |\n<!-- /table:a -->\nend  \n"
    assert fill_tables(new, TABLES, "README.md") == new


def test_several_tables_an_empty_one_and_no_last_newline():
    text = "<!-- table:b -->\n<!-- /table:b -->\n  <!-- table:a -->\nx\n<!-- /table:a -->"
    assert fill_tables(text, TABLES, "f") == (
        "<!-- table:b -->\n| other |\n<!-- /table:b -->\n"
        "  <!-- table:a -->\n| new |\n<!-- /table:a -->"
    )


def test_marks_in_code_are_text():
    text = "```\n<!-- table:zzz -->\n```\nwrite `<!-- table:a -->` for it\n"
    assert fill_tables(text, TABLES, "f") == text


def test_a_table_that_fails():
    def broken():
        raise RecordError("results/toy/x: record 'toy': lacks AP")

    text = "x\n<!-- table:a -->\n<!-- /table:a -->\n"
    place = "README.md:2: table 'a' cannot be made. results/toy/x: record 'toy': lacks AP. "
    with pytest.raises(MarkError) as caught:
        fill_tables(text, {"a": broken}, "README.md")
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n<!-- table:zzz -->\n", r"README.md:2: unknown table 'zzz'; the tables are a, b"),
        ("<!-- table:a -->\n", "README.md:1: table 'a' has no closing mark"),
        ("\n<!-- /table:a -->\n", "README.md:2: .* where none is open"),
        ("<!-- table:a -->\n<!-- table:b -->\n", "README.md:2: .* where 'a' of line 1 is open"),
        ("<!-- table:a -->\n<!-- /table:b -->\n", "README.md:2: .* where 'a' of line 1 is open"),
    ],
)
def test_unpaired_and_unknown_marks(text, message):
    with pytest.raises(MarkError, match=message):
        fill_tables(text, TABLES, "README.md")


@pytest.fixture
def checkout(tmp_path):
    """A checkout: a README with one table, and a page in docs/ with another."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# T\n<!-- table:setup -->\n<!-- /table:setup -->\n")
    operators = "<!-- table:operators -->\n<!-- /table:operators -->\n"
    (tmp_path / "docs" / "page.md").write_text(operators)
    (tmp_path / "NOTES.md").write_text("<!-- table:zzz -->\n")  # neither: nobody looks here
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def run(checkout, monkeypatch, capsys):
    """The tool in this process: exit status, and what it printed."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tools/tables.py", *arguments])
        status = main(checkout)
        return (status, *capsys.readouterr())

    return call


def test_the_tool_checks_writes_and_checks_again(checkout, run):
    before = (checkout / "README.md").read_text()
    status, printed, _ = run("--check")
    assert status == 1
    assert "+*No record yet.*" in printed
    assert "--- README.md (as it is)" in printed
    assert "--- docs/page.md (as it is)" in printed
    assert (checkout / "README.md").read_text() == before
    assert run() == (0, "wrote README.md\nwrote docs/page.md\n", "")
    assert (checkout / "README.md").read_text() == (
        "# T\n<!-- table:setup -->\n*No record yet.*\n<!-- /table:setup -->\n"
    )
    assert run("--check") == (0, "", "")


def test_the_tool_names_the_line_of_an_unknown_table(checkout, run):
    (checkout / "docs" / "page.md").write_text("\n\n<!-- table:zzz -->\n")
    status, _, error = run()
    assert status == 1
    assert error.startswith("error: docs/page.md:3: unknown table 'zzz'")
