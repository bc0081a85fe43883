from mmdense.data.checks.coco_entries import MISSING, read_entries
from mmdense.data.checks.finding import Findings


def test_places_are_those_of_the_file():
    found = Findings("a.json")
    rows = [dict(id=4, name="cat"), 7, dict(id="x", name="dog", extra=None)]
    entries = read_entries(dict(categories=rows), "categories", found)
    assert len(entries) == 2
    assert entries.column("extra") == [MISSING, None]
    assert entries.where(1) == "category id 'x' (categories[2])"
    assert [finding.where for finding in found] == ["categories[1]"]


def test_every_repeated_id_is_found_but_the_first():
    found = Findings("a.json")
    rows = [dict(id=value, name="cat") for value in (1, 2, 1, "1", 1)]
    read_entries(dict(categories=rows), "categories", found)
    assert [finding.where for finding in found] == [
        "category id 1 (categories[2])",
        "category id 1 (categories[4])",
    ]
