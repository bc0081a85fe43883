"""Class-agnostic labels, to train and evaluate proposals."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdense.registry import TRANSFORMS

__all__ = ["OneClass"]


@TRANSFORMS.register_module()
class OneClass(BaseTransform):
    """Set the label of every annotated box to 0.

    Use it for a detector with ``num_classes=1``. Evaluate with ``metric="proposal"`` of
    ``CocoMetric`` of MMDetection, which also merges all categories.

    Required: ``gt_bboxes_labels`` [M] from ``LoadAnnotations`` of MMDetection.
    """

    def transform(self, results: dict) -> dict:
        """Return the results with changed labels."""
        results["gt_bboxes_labels"] = np.zeros_like(results["gt_bboxes_labels"])
        return results
