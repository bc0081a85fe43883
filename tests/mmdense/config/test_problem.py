import pytest

from mmdense.config.problem import ConfigProblem


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (ConfigProblem(("model", "steps", 1), "is wrong"), "model.steps.1: is wrong"),
        (
            ConfigProblem(("a",), "is wrong", nearest="b", origin="c.py"),
            "a: is wrong; did you mean 'b'? (c.py)",
        ),
    ],
)
def test_a_problem_is_one_line(problem, line):
    assert str(problem) == line
