"""A broken benchmark says what is wrong, and in which file."""

import json

import pytest

from mmdense.records.benchmark_file import benchmark_rows
from mmdense.records.record import RecordError

OPERATOR = {
    "name": "nms",
    "setting": "2,000 boxes",
    "ours_s": 0.01,
    "other": "greedy loop",
    "other_s": 0.05,
    "ratio": 5.0,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "not a JSON object with 'results'"),
        ("{", "not a JSON object with 'results'"),
        (json.dumps({"results": [{"name": "a"}]}), r"results\[0\] lacks setting, other"),
        (
            json.dumps({"results": [{**OPERATOR, "ratio": 0.2}]}),
            r"ratio is 0.2.*other_s / ours_s is 5",
        ),
    ],
)
def test_a_broken_benchmark_names_its_file(tmp_path, content, message):
    file = tmp_path / "benchmark.json"
    file.write_text(content)
    with pytest.raises(RecordError, match=message) as caught:
        benchmark_rows(file)
    assert str(file) in str(caught.value)
