import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.structures import InstanceData

from mmdense.engine.prediction_images import PredictionPicturesHook


@pytest.fixture
def samples(tmp_path):
    made = []
    for index in range(3):
        path = tmp_path / f"{index}.jpg"
        cv2.imwrite(str(path), np.full((40, 60, 3), 200, np.uint8))
        truth = InstanceData(bboxes=torch.tensor([[5.0, 5, 30, 30]]), labels=torch.tensor([0]))
        found = InstanceData(
            bboxes=torch.tensor([[6.0, 6, 29, 31]]),
            labels=torch.tensor([0]),
            scores=torch.tensor([0.9]),
        )
        sample = DetDataSample(gt_instances=truth, pred_instances=found)
        sample.set_metainfo({"img_path": str(path)})
        made.append(sample)
    return made


class _Runner:
    rank = 0

    def __init__(self, work_dir):
        self.work_dir = str(work_dir)
        self.visualizer = DetLocalVisualizer()
        self.visualizer.dataset_meta = {"classes": ("disc",), "palette": [(220, 20, 60)]}


def test_the_first_images_are_drawn_beside_their_truth_in_each_evaluation(samples, tmp_path):
    runner = _Runner(tmp_path / "work")
    hook = PredictionPicturesHook(limit=2)
    for _ in range(2):
        hook.before_val_epoch(runner)
        hook.after_val_iter(runner, 0, None, samples[:1])
        hook.after_val_iter(runner, 1, None, samples[1:])
    images = sorted((tmp_path / "work" / "predictions").glob("*.png"))
    assert [path.name for path in images] == ["0.png", "1.png"]
    assert cv2.imread(str(images[0])).shape == (40, 120, 3)  # truth and prediction, side by side


def test_all_are_drawn_without_a_limit_and_other_ranks_draw_nothing(samples, tmp_path):
    runner = _Runner(tmp_path / "work")
    out = tmp_path / "show"
    hook = PredictionPicturesHook(limit=None, out_dir=str(out))
    hook.before_test_epoch(runner)
    hook.after_test_iter(runner, 0, None, samples)
    assert len(list(out.glob("*.png"))) == 3
    runner.rank = 1
    runner.work_dir = str(tmp_path / "other")
    PredictionPicturesHook().after_val_iter(runner, 0, None, samples)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("scores", "drawn"),
    [([0.9, 0.6, 0.5, 0.4, 0.2], 4), ([0.2, 0.05, 0.04, 0.03], 3), ([0.1], 1), ([], 0)],
)
def test_the_three_best_boxes_are_drawn_however_low_they_score(samples, tmp_path, scores, drawn):
    number = len(scores)
    samples[0].pred_instances = InstanceData(
        bboxes=torch.tensor([[6.0, 6, 29, 31]]).repeat(number, 1),
        labels=torch.zeros(number, dtype=torch.long),
        scores=torch.tensor(scores),
    )
    runner, seen = _Runner(tmp_path / "work"), []
    draw = runner.visualizer._draw_instances
    runner.visualizer._draw_instances = lambda image, boxes, *rest: (
        seen.append(len(boxes)) or draw(image, boxes, *rest)
    )
    PredictionPicturesHook().after_val_iter(runner, 0, None, samples[:1])
    assert seen == [1, drawn]  # the truth, the prediction
