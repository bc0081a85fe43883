"""Detection of objects of any class: what proposals are worth by themselves."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdense.registry import TRANSFORMS

__all__ = ["OneClass"]


@TRANSFORMS.register_module()
class OneClass(BaseTransform):
    """Give every annotated box the label 0.

    For a detector with ``num_classes=1``. Evaluate with ``metric="proposal"`` of MMDetection's
    ``CocoMetric``, which takes the annotations' categories as one too.

    Required: ``gt_bboxes_labels`` [M], as MMDetection's ``LoadAnnotations`` leaves them.
    """

    def transform(self, results: dict) -> dict:
        """Change the labels, nothing else."""
        results["gt_bboxes_labels"] = np.zeros_like(results["gt_bboxes_labels"])
        return results
