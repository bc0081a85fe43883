"""A table that was written in Markdown is read as it was."""

from mmdense.records.markdown import NOTHING, markdown
from mmdense.report.markdown_rows import read_markdown


def test_what_was_written_is_read_without_its_marks():
    text = markdown(["Name", "A"], [["**a** | `b`", "1.0"], ["c", "**2.0**"]], right=["A"])
    table = read_markdown(f"{text}\n\nSaid below.")
    assert table.header == ["Name", "A"]
    assert table.numbers == [False, True]
    assert table.rows == [["a | b", "1.0"], ["c", "2.0"]]


def test_no_table_has_no_rows():
    assert read_markdown(NOTHING) == ([], [], [])
