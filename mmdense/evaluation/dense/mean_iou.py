"""Mean intersection over union from a confusion matrix, equal to ``mmseg.IoUMetric``.

Letters: C classes, P pixels.
"""

import torch
from torch import Tensor

from mmdense.evaluation.dense.patch_labels import VOID

__all__ = ["confusion", "mean_iou", "segmentation_metrics"]


def confusion(predicted: Tensor, labels: Tensor, *, num_classes: int) -> Tensor:
    """Return how many labelled pixels of each class were predicted as each class.

    Args:
        predicted: Classes from 0 to C - 1. [P] or any shape
        labels: The same shape; ``VOID`` is ignored.
        num_classes: C.

    Returns:
        int64; rows are true, columns predicted classes. [C, C]
    """
    known = labels != VOID
    pairs = labels[known].long() * num_classes + predicted[known].long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def mean_iou(matrix: Tensor) -> float:
    """Return the mean IoU in percent over the classes that occur as label or as prediction.

    Args:
        matrix: Sum of :func:`confusion` over all images. [C, C]

    Returns:
        NaN if no pixel has a label.
    """
    hits = matrix.diagonal().double()  # [C]
    union = matrix.sum(dim=0) + matrix.sum(dim=1) - hits  # [C]
    found = union > 0
    return (100 * hits[found] / union[found]).mean().item()


def segmentation_metrics(matrix: Tensor) -> dict[str, float]:
    """Return ``mIoU`` and the accuracy of all pixels, ``aAcc``, in percent.

    Args:
        matrix: Sum of :func:`confusion` over all images. [C, C]
    """
    accuracy = 100 * matrix.diagonal().sum().double() / matrix.sum()
    return {"mIoU": mean_iou(matrix), "aAcc": accuracy.item()}
