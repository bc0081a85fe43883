"""The head of a detector that makes region proposals."""

from typing import Any

from mmdet.models.detectors import RPN

__all__ = ["proposing_head"]


def proposing_head(detector: Any) -> Any:
    """Return the head that makes proposals: ``rpn_head``, or the ``bbox_head`` of an RPN.

    Raises:
        ValueError: The detector has no such head.
    """
    head = getattr(detector, "rpn_head", None)
    if head is None and isinstance(detector, RPN):
        head = detector.bbox_head
    if head is None:
        raise ValueError(f"{type(detector).__name__} makes no proposals: it has no rpn_head")
    return head
