import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def functions(path):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_every_fault_names_tests_that_are_there():
    text = (ROOT / "projects" / "cascade_rpn" / "FAULTS.md").read_text()
    rows = re.findall(r"^\| +(\d+) \|.*\|(.*)\|$", text, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 26))
    for number, tests in rows:
        named = re.findall(r"`([\w./]*test_\w+\.py)::(test_\w+)`", tests)
        assert named, number
        assert tests.count(".py") - tests.count("benchmarks/") == len(named), f"{number}: {tests}"
        for file, test in named:
            path = ROOT / "tests" / "cascade_rpn" / file
            assert test in {one.name for one in functions(path)}, f"{number}: {file}::{test}"


def test_no_public_method_does_nothing():
    """The published head has ``loss_by_feat`` and ``predict_by_feat`` that are empty."""
    files = sorted((ROOT / "projects" / "cascade_rpn").glob("*.py"))
    checked = [one for file in files for one in functions(file) if not one.name.startswith("_")]
    assert {"forward", "walk", "loss", "predict", "loss_and_predict"} <= {f.name for f in checked}
    for function in checked:
        # A docstring and an ellipsis are expressions of a constant.
        work = [
            line
            for line in function.body
            if not isinstance(line, ast.Pass)
            and not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        ]
        assert work, function.name
