import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_names_tests_that_are_there():
    text = (ROOT / "projects" / "cascade_rpn" / "FAULTS.md").read_text()
    rows = re.findall(r"^\| +(\d+) \|.*\|(.*)\|$", text, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 26))
    for number, tests in rows:
        named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", tests)
        assert named or number == "25"
        for file, test in named:
            code = (ROOT / "tests" / "cascade_rpn" / file).read_text()
            assert not test or f"def {test}(" in code, f"{number}: {file}::{test}"
