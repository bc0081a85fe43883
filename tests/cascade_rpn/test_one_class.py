"""One class for all objects."""

import numpy as np

import mmdense  # noqa: F401
from mmdense.registry import TRANSFORMS


def test_every_label_becomes_zero_and_nothing_else_changes():
    import projects.cascade_rpn  # noqa: F401

    transform = TRANSFORMS.build({"type": "mmdense.OneClass"})
    labels = np.array([3, 0, 9])
    boxes = object()
    results = transform({"gt_bboxes_labels": labels, "gt_bboxes": boxes})
    assert results["gt_bboxes_labels"].tolist() == [0, 0, 0]
    assert results["gt_bboxes_labels"].dtype == labels.dtype
    assert results["gt_bboxes"] is boxes
    assert labels.tolist() == [3, 0, 9]
