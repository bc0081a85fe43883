from mmdense.data.checks.finding import Finding, Findings, errors_of


def test_findings_say_file_place_field_problem_and_remedy():
    found = Findings("a.json")
    found.error("image id 3", "width", "is 0", "write it")
    found.note("", "images", "one is unused", "look at it")
    assert [str(finding) for finding in found] == [
        "a.json: image id 3: width: is 0; write it",
        "a.json: images: one is unused; look at it",
    ]
    assert errors_of(found) == [
        Finding("error", "a.json", "image id 3", "width", "is 0", "write it")
    ]
