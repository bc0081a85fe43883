import io

from rich.console import Console

from mmdense.data.checks.problems import DataProblems, print_problems


def printed(findings):
    console = Console(file=io.StringIO(), width=200)
    print_problems("train", findings, console)
    return console.file.getvalue()


def test_each_kind_is_one_row_and_errors_come_first():
    found = DataProblems("a[1].json")  # not Rich markup
    found.note("", "images", "unused", "look")
    for number in range(5):
        found.error(f"image id {number}", "width", f"is {-number}", "write it")
    text = printed(found)
    assert text.index("width") < text.index("unused")
    assert text.startswith("train: a[1].json")
    assert text.count("a[1].json") == 1
    assert "image id 2: is -2" in text
    assert "image id 3" not in text  # three examples
    assert text.count("write it") == 1
    assert "│     5 │" in text


def test_examples_name_their_files_if_there_are_several():
    found = []
    for file in ("a.json", "b.json"):
        findings = DataProblems(file)
        findings.note("", "images", f"unused {file[0]}", "look")
        found += findings
    text = printed(found)
    assert "a.json: unused a" in text
    assert "b.json: unused b" in text
    assert printed([]).count("\n") == 1
