"""Operators of this package with the names and signatures of the compiled extension of mmcv.

Each function replaces the one of the same name in ``mmcv._ext``: ``mmcv.ops`` calls it with keyword
arguments, and the function fills output arguments in place. :mod:`mmdense.ops.mmcv_ops` installs
them.

On an accelerator, NMS and average RoIAlign are those of torchvision if its library is loaded. On
the CPU the operators of this package are faster than the compiled ones (``benchmarks/``).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mmdense.ops import nms as suppression
from mmdense.ops.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from mmdense.ops.roi_align import (
    roi_align,
    roi_align_max,
    roi_align_max_backward,
)
from mmdense.ops.roi_align import (
    roi_align_backward as average_backward,
)
from mmdense.ops.torchvision_ops import library_is_loaded

_MAX_POOLING = 0  # pool_mode of mmcv; 1 is average pooling


def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float, offset: int) -> Tensor:
    """Return indices of the kept boxes, in descending order of score."""
    if offset == 0 and _use_torchvision(boxes, scores):
        return torch.ops.torchvision.nms(boxes, scores, iou_threshold)
    return suppression.nms(boxes, scores, iou_threshold, offset=offset)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    *,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Return indices of the kept boxes; fill ``dets`` [N, 5] with boxes and reduced scores."""
    decay: Callable[[Tensor], Tensor] = (
        lambda iou: (iou < iou_threshold).to(iou.dtype),  # plain NMS
        lambda iou: torch.where(iou < iou_threshold, 1, 1 - iou),  # equation 2 of Soft-NMS
        lambda iou: (-(iou**2) / sigma).exp(),  # equation 3
    )[method]
    indices, left = suppression.soft_nms(boxes, scores, decay, min_score=min_score, offset=offset)
    dets[: len(indices), :4] = boxes[indices]
    dets[: len(indices), 4] = left
    return indices


def nms_match(dets: Tensor, *, iou_threshold: float) -> list[list[int]]:
    """Return indices of each kept box and those it suppresses; ``dets`` is [N, 5] with scores."""
    groups = suppression.nms_match(dets[:, :4], dets[:, 4], iou_threshold)
    return [group.tolist() for group in groups]


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    pool_mode: int,
    **sampling: Any,
) -> None:
    """Fill ``output`` [R, C, P, Q], and for max pooling the positions of the largest samples.

    ``sampling`` has ``spatial_scale``, ``sampling_ratio`` and ``aligned``.
    """
    size = (aligned_height, aligned_width)
    if pool_mode == _MAX_POOLING:
        results = roi_align_max(input, rois, size, **sampling)
        for target, result in zip((output, argmax_y, argmax_x), results):
            target.copy_(result)
    elif _use_torchvision(input, rois):
        bins = dict(pooled_height=aligned_height, pooled_width=aligned_width)
        output.copy_(torch.ops.torchvision.roi_align(input, rois, **bins, **sampling))
    else:
        output.copy_(roi_align(input, rois, size, **sampling))


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    pool_mode: int,
    **sampling: Any,
) -> None:
    """Fill ``grad_input`` [N, C, H, W]."""
    shape = grad_input.shape
    if pool_mode == _MAX_POOLING:
        grad = roi_align_max_backward(grad_output, rois, argmax_y, argmax_x, shape)
    elif _use_torchvision(grad_output, rois):
        sizes = dict(zip(("batch_size", "channels", "height", "width"), shape))
        bins = dict(pooled_height=aligned_height, pooled_width=aligned_width)
        grad = torch.ops.torchvision._roi_align_backward(
            grad_output, rois, **bins, **sizes, **sampling
        )
    else:
        grad = average_backward(grad_output, rois, shape, **sampling)
    grad_input.copy_(grad)


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, **focus: float
) -> None:
    """Fill ``output`` [N, K] from logits [N, K]; ``focus`` has ``gamma`` and ``alpha``."""
    output.copy_(sigmoid_focal_loss(input, target, weight=weight, **focus))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, **focus: float
) -> None:
    """Fill ``grad_input`` [N, K] with the gradient of the sum of all losses."""
    grad_input.copy_(_gradient(sigmoid_focal_loss, input.detach(), target, weight, focus))


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, **focus: float
) -> None:
    """Fill ``output`` [N] from the softmax [N, K]."""
    output.copy_(softmax_focal_loss(_log(input), target, weight=weight, **focus))


def softmax_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, buff: Tensor, grad_input: Tensor, **focus: float
) -> None:
    """Fill the gradient with respect to the logits; ``buff`` is not used."""
    grad_input.copy_(_gradient(softmax_focal_loss, _log(input), target, weight, focus))


def bbox_overlaps(
    bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, *, mode: int, aligned: bool, offset: int
) -> None:
    """Fill IoU (mode 0) or overlap over the first area (mode 1), of all or of ``aligned`` pairs."""
    a, b = (bboxes1, bboxes2) if aligned else (bboxes1[:, None], bboxes2[None])
    corner = torch.maximum(a[..., :2], b[..., :2])
    overlap = (torch.minimum(a[..., 2:], b[..., 2:]) - corner + offset).clamp(min=0).prod(-1)
    area_a, area_b = ((t[..., 2:] - t[..., :2] + offset).prod(-1) for t in (a, b))
    ious.copy_(overlap / (area_a + area_b - overlap if mode == 0 else area_a))


def get_compiler_version() -> str:
    """Return the text for the environment report of a run."""
    return "none (operators of mmdense, plain PyTorch)"


def get_compiling_cuda_version() -> str:
    """Return the text for the environment report of a run."""
    return "not available"


OPERATORS = {
    operator.__name__: operator
    for operator in (
        bbox_overlaps,
        get_compiler_version,
        get_compiling_cuda_version,
        nms,
        nms_match,
        roi_align_backward,
        roi_align_forward,
        sigmoid_focal_loss_backward,
        sigmoid_focal_loss_forward,
        softmax_focal_loss_backward,
        softmax_focal_loss_forward,
        softnms,
    )
}


def _use_torchvision(*tensors: Tensor) -> bool:
    """Its kernels need tensors of one dtype, and are faster on accelerators only."""
    same_type = len({t.dtype for t in tensors}) == 1
    return same_type and not tensors[0].is_cpu and library_is_loaded()


def _gradient(
    loss: Callable[..., Tensor],
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    focus: dict[str, float],
) -> Tensor:
    with torch.enable_grad():
        total = loss(logits.requires_grad_(), target, weight=weight, **focus).sum()
        return torch.autograd.grad(total, logits)[0]


def _log(softmax: Tensor) -> Tensor:
    """Logits of probabilities: mmcv passes the softmax, and softmax(log p) is p."""
    return softmax.detach().clamp(min=torch.finfo(softmax.dtype).tiny).log()
