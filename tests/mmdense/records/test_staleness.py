from mmdense.records.staleness import legend, marks


def test_a_mark_is_explained_once_below_its_table():
    states = ["unknown", "current", "stale", "stale"]
    assert marks(states) == [" (code unknown)", "", " (stale)", " (stale)"]
    assert legend(states) == (
        "Stale: code that the row came from has changed since. "
        "Code unknown: the record does not list its code, so a change since cannot be told."
    )
    assert (marks(["current"]), legend(["current", "current"])) == ([""], "")


def test_what_holds_of_all_rows_is_said_once():
    assert marks(["unknown", "unknown"]) == ["", ""]
    assert legend(["unknown", "unknown"]).startswith("Code unknown: no record here lists its code")
    assert marks(["stale", "stale"]) == [" (stale)", " (stale)"]
    assert legend([]) == ""
