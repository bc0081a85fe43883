"""NMS and RoIAlign for ``torchvision.ops`` if the compiled library of torchvision does not load.

If the library does not match torch (a CUDA build and a CPU torch, or two releases that are not
compatible), torchvision cannot be imported, because it registers fake kernels for operators that do
not exist. :func:`install` acts only if ``torchvision.extension`` reports that there are no
operators. It defines ``torchvision::nms`` and ``torchvision::roi_align`` with the kernels of this
package, forward and backward, so ``torchvision.ops.nms``, ``batched_nms`` and ``roi_align`` work.
Any other compiled operator raises the error of torchvision.
"""

import importlib
from typing import Any

import torch
from torch import Tensor

from mmdense.ops import nms as suppression
from mmdense.ops import roi_align as pooling
from mmdense.upstream.after_import import after_import

__all__ = ["install", "library_is_loaded"]

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_ROI_ALIGN = (
    "(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " int sampling_ratio, bool aligned) -> Tensor"
)
_ROI_ALIGN_BACKWARD = (
    "(Tensor grad, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " SymInt batch_size, SymInt channels, SymInt height, SymInt width, int sampling_ratio,"
    " bool aligned) -> Tensor"
)
# A torch library removes its definitions when it is garbage-collected.
_declared: list[torch.library.Library] = []


def install() -> None:
    """Supply the operators when torchvision is imported, or now if it is imported already."""
    after_import("torchvision.extension", _supply)
    after_import("torchvision.ops.boxes", _use_in_boxes)
    after_import("torchvision.ops.roi_align", _use_in_roi_align)


def library_is_loaded() -> bool:
    """Return whether torchvision has compiled operators; imports torchvision."""
    importlib.import_module("torchvision")
    return not _declared


def _supply(extension: Any) -> None:
    """Define the operators for which torchvision registers fake kernels, and their kernels."""
    if extension._has_ops() or _declared:
        return
    library = torch.library.Library("torchvision", "DEF")
    _declared.append(library)
    library.define("nms" + _NMS)
    library.define("qnms" + _NMS)  # needs a definition on import, but no kernel
    library.define("roi_align" + _ROI_ALIGN)
    library.define("_roi_align_backward" + _ROI_ALIGN_BACKWARD)
    for device in ("CPU", "CUDA"):
        library.impl("nms", suppression.nms, device)
        library.impl("roi_align", _roi_align, device)
        library.impl("_roi_align_backward", _roi_align_backward, device)
    library.impl("roi_align", _roi_align_meta, "Meta")
    library.impl("_roi_align_backward", _roi_align_backward_meta, "Meta")
    torch.library.register_autograd(
        "torchvision::roi_align", _backward, setup_context=_save, lib=library
    )


def _use_in_boxes(module: Any) -> None:
    if _declared:  # otherwise torchvision first checks its library
        module.nms = torch.ops.torchvision.nms


def _use_in_roi_align(module: Any) -> None:
    if _declared:  # otherwise torchvision compiles a fallback, which takes minutes
        module._has_ops = module._assert_has_ops = lambda: True


def _roi_align(
    maps: Tensor, rois: Tensor, scale: float, height: int, width: int, ratio: int, aligned: bool
) -> Tensor:
    ratio = max(ratio, 0)  # torchvision also accepts -1
    return pooling.roi_align(maps, rois, (height, width), scale, ratio, aligned)


def _roi_align_backward(
    grad: Tensor, rois: Tensor, scale: float, height: int, width: int, *more: Any
) -> Tensor:
    *shape, ratio, aligned = more
    return pooling.roi_align_backward(grad, rois, tuple(shape), scale, max(ratio, 0), aligned)


def _roi_align_meta(
    maps: Tensor, rois: Tensor, scale: float, height: int, width: int, *_: object
) -> Tensor:
    return maps.new_empty(rois.shape[0], maps.shape[1], height, width)


def _roi_align_backward_meta(
    grad: Tensor, rois: Tensor, scale: float, height: int, width: int, *more: Any
) -> Tensor:
    return grad.new_empty(more[:4])


def _save(ctx: Any, inputs: tuple, output: Tensor) -> None:
    maps, rois, *ctx.options = inputs
    ctx.save_for_backward(rois)
    ctx.shape = maps.shape


def _backward(ctx: Any, grad: Tensor) -> tuple:
    (rois,) = ctx.saved_tensors
    scale_and_bins, sampling = ctx.options[:3], ctx.options[3:]
    grad_input = torch.ops.torchvision._roi_align_backward(
        grad, rois, *scale_and_bins, *ctx.shape, *sampling
    )
    return grad_input, None, None, None, None, None, None
