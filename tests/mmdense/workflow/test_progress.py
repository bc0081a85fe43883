import io

import pytest
from rich.console import Console

from mmdense.workflow.progress import StageProgress, describe_step

TRAIN = (
    "11/22 07:00:00 - mmengine - INFO - Epoch(train)  [3][20/50]  lr: 5.0000e-04  "
    "eta: 0:01:02  time: 0.5000  data_time: 0.1  loss: 0.7312  loss_cls: 0.4"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (TRAIN, "train [3][20/50] loss 0.731"),
        ("Iter(val) [10/20] eta: 0:00:01", "val [10/20]"),
        ("11/22 07:00:00 - mmengine - INFO - Epoch(val)   [ 5/40]  eta: 0:00:05", "val [5/40]"),
        ("11/22 07:00:00 - mmengine - INFO - Saving checkpoint at 3 epochs", None),
        ("Loading and preparing results...", None),
    ],
)
def test_a_log_line_becomes_a_short_step(line, expected):
    assert describe_step(line) == expected


def test_plain_output_prints_label_steps_and_end():
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    with StageProgress("[1/2] pretrain", console, interval=0) as progress:
        progress.line(TRAIN)
        progress.line("something else")
        progress.done("finished")
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "[1/2] pretrain: started"
    assert lines[1].startswith("[1/2] pretrain: train [3][20/50] loss 0.731 (0:0")
    assert lines[2] == "[1/2] pretrain: finished"
    assert len(lines) == 3
