"""The summary has a row for each headline whose study is kept, and no other number."""

import pytest

from mmdense.records.kept_results import Results
from mmdense.records.markdown import NOTHING
from mmdense.records.record import Record, RecordError
from mmdense.records.summary_table import summary_table

CONFIG = {
    "seeds": [0, 1, 2],
    "metrics": [{"metric": "coco/bbox_mAP_75", "label": "AP75", "scale": 100}],
}
FOLDER = "results/cascade_rpn/2030-01-01_detection_bccd"


def kept(**metrics):
    record = Record.begin("cascade_rpn", "detection_bccd", config=CONFIG, seed=None)
    for name, (mean, sd) in metrics.items():
        record.metrics[f"{name}/coco/bbox_mAP_75/mean"] = mean
        record.metrics[f"{name}/coco/bbox_mAP_75/sd"] = sd
    record.hardware = {"gpus": [], "cores": 2}
    return Results([(FOLDER, record)], [])


def test_a_row_with_both_sides_and_their_difference():
    table = summary_table(kept(rpn=(0.572, 0.019), cascade_2=(0.54, 0.02)), "../")
    lines = table.splitlines()
    assert lines[2] == (
        "| Cascade RPN, two stages | BCCD, Faster R-CNN | AP75 | 57.2 ± 1.9 | 54.0 ± 2.0 | -3.2 | "
        f"[2030-01-01_detection_bccd](../{FOLDER}) |"
    )
    assert lines[3:] == ["", "Mean ± standard deviation over 3 seeds, on 2 CPU cores."]


def test_the_machine_and_changed_code_are_said():
    results = kept(rpn=(0.5, 0.1), cascade_2=(0.5, 0.1))
    results.records[0][1].hardware = {"gpus": ["H200"], "cores": 16}
    stale = Results(results.records, [], {FOLDER: ["mmdense/ops/nms.py"]})
    lines = summary_table(stale, "").splitlines()
    assert lines[2].endswith("(stale) |")
    assert lines[-1].endswith("on H200. Stale: code that the row came from has changed since.")


def test_code_that_is_not_known_is_said():
    results = kept(rpn=(0.5, 0.1), cascade_2=(0.5, 0.1))
    lines = summary_table(Results(results.records, [], unknown={FOLDER}), "").splitlines()
    assert "unknown" not in lines[2]  # it holds of all rows, and is said of them
    assert "Code unknown: no record here" in lines[-1]


def test_what_a_study_lacks_is_named():
    with pytest.raises(RecordError, match=f"{FOLDER}: .* lacks cascade_2/coco/bbox_mAP_75/mean"):
        summary_table(kept(rpn=(0.5, 0.1)), "")
    results = kept(rpn=(0.5, 0.1))
    results.records[0][1].config = {**CONFIG, "metrics": []}
    with pytest.raises(RecordError, match="no metric 'coco/bbox_mAP_75'"):
        summary_table(results, "")


def test_nothing_is_kept():
    assert summary_table(Results([], []), "") == NOTHING
