"""Which part of a detector proposes regions."""

from typing import Any

from mmdet.models.detectors import RPN

__all__ = ["proposing_head"]


def proposing_head(detector: Any) -> Any:
    """The head that proposes regions: ``rpn_head`` of a detector, or the head of an RPN.

    Raises:
        ValueError: The detector has none.
    """
    head = getattr(detector, "rpn_head", None)
    if head is None and isinstance(detector, RPN):
        head = detector.bbox_head
    if head is None:
        raise ValueError(f"{type(detector).__name__} proposes no regions: it has no rpn_head")
    return head
