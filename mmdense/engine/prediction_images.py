"""Images of what a model predicts: ground truth on the left, prediction on the right."""

from collections.abc import Sequence
from pathlib import Path

import mmcv
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmdense.registry import HOOKS

__all__ = ["PredictionPicturesHook"]

_SCORE = 0.3  # boxes above it are drawn,
_AT_LEAST = 3  # and these many of the best in any case


@HOOKS.register_module()
class PredictionPicturesHook(Hook):
    """Draw the first images of a validation or test set with upstream's visualizer.

    For MMDetection and MMSegmentation, whose own hooks draw one image per batch, or nest a folder
    per batch. Of a detector, boxes that score above 0.3 are drawn, and always the three best. Each
    evaluation overwrites the images of the one before.

    Args:
        limit: How many images; None draws all.
        out_dir: Folder; a relative one is below the work directory.
    """

    def __init__(self, limit: int | None = 12, out_dir: str = "predictions") -> None:
        self.limit = limit
        self.out_dir = Path(out_dir)
        self._drawn = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin again with the first image."""
        self._drawn = 0

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draw the images of one batch, until the limit is reached. Only rank 0 draws."""
        if runner.rank != 0:
            return
        for sample in outputs or ():
            if self.limit is not None and self._drawn >= self.limit:
                return
            self._draw(runner, sample)
            self._drawn += 1

    after_test_iter = after_val_iter

    def _draw(self, runner: Runner, sample: BaseDataElement) -> None:
        path = Path(sample.img_path)
        image = mmcv.imfrombytes(get(str(path)), channel_order="rgb")
        folder = Path(runner.work_dir) / self.out_dir  # or an absolute out_dir
        folder.mkdir(parents=True, exist_ok=True)
        runner.visualizer.add_datasample(
            path.stem,
            image,
            data_sample=sample,
            out_file=str(folder / f"{path.stem}.png"),
            **_threshold(sample),
        )


def _threshold(sample: BaseDataElement) -> dict[str, float]:
    """Return the argument of the visualizer for the sample of a detector; none for others."""
    boxes = sample.get("pred_instances")
    if boxes is None or "scores" not in boxes:
        return {}
    best = boxes.scores.float().topk(min(_AT_LEAST, len(boxes))).values
    lowest = float(best.min()) if len(best) else 1.0
    return {"pred_score_thr": min(_SCORE, lowest - 1e-6)}  # those above it are drawn
