from mmdense.records.markdown import NOTHING, markdown


def test_a_table():
    table = markdown(["a", "b"], [["x|y", "1"]], right=["b"])
    assert table.splitlines() == ["| a | b |", "| --- | ---: |", "| x\\|y | 1 |"]


def test_no_rows_say_so():
    assert markdown(["a"], [], right=()) == NOTHING
