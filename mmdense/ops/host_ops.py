"""Offer the operators of this package to ``mmcv.ops`` where mmcv has no compiled extension."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types

import torch
import torch.nn.functional as F

NAME = "mmcv._ext"
_LIBRARIES: list = []


def _nms(boxes, scores, iou_threshold, offset):
    order = scores.argsort(descending=True, stable=True)
    b = boxes[order]
    area = (b[:, 2] - b[:, 0] + offset) * (b[:, 3] - b[:, 1] + offset)
    alive = torch.ones(len(b), dtype=torch.bool)
    for i in range(len(b)):
        if not alive[i]:
            continue
        lt = torch.maximum(b[i, :2], b[i + 1 :, :2])
        rb = torch.minimum(b[i, 2:], b[i + 1 :, 2:])
        inter = (rb - lt + offset).clamp(min=0).prod(1)
        alive[i + 1 :] &= ~(inter / (area[i] + area[i + 1 :] - inter) > iou_threshold)
    return order[alive]


def _grid(rois, x, ph, pw, scale, ratio, aligned):
    n = max(ratio, 1) if ratio > 0 else 2
    off = 0.5 if aligned else 0.0
    box = rois[:, 1:] * scale - off
    size = box[:, 2:] - box[:, :2]
    if not aligned:
        size = size.clamp(min=1)
    ys = (torch.arange(ph * n) + 0.5) / (ph * n)
    xs = (torch.arange(pw * n) + 0.5) / (pw * n)
    y = box[:, 1, None] + ys * size[:, 1, None]
    xx = box[:, 0, None] + xs * size[:, 0, None]
    H, W = x.shape[-2:]
    gy = (y.clamp(0, H - 1) / max(H - 1, 1) * 2 - 1)[:, :, None].expand(-1, -1, pw * n)
    gx = (xx.clamp(0, W - 1) / max(W - 1, 1) * 2 - 1)[:, None].expand(-1, ph * n, -1)
    return torch.stack([gx, gy], -1), n


def _roi_align(x, rois, ph, pw, scale, ratio, aligned):
    grid, n = _grid(rois, x, ph, pw, scale, ratio, aligned)
    out = x.new_zeros(len(rois), x.shape[1], ph, pw)
    for b in range(len(x)):
        sel = (rois[:, 0] == b).nonzero()[:, 0]
        if not len(sel):
            continue
        g = grid[sel].reshape(1, -1, pw * n, 2).to(x.dtype)
        s = F.grid_sample(x[b : b + 1], g, align_corners=True)[0]
        s = s.reshape(x.shape[1], len(sel), ph * n, pw * n).transpose(0, 1)
        out = out.index_copy(0, sel, F.avg_pool2d(s, n))
    return out


def _roi_align_forward(input, rois, output, argmax_y, argmax_x, aligned_height, aligned_width,
                       spatial_scale, sampling_ratio, pool_mode, aligned):
    output.copy_(_roi_align(input, rois, aligned_height, aligned_width, spatial_scale,
                            sampling_ratio, aligned))


def _roi_align_backward(grad_output, rois, argmax_y, argmax_x, grad_input, aligned_height,
                        aligned_width, spatial_scale, sampling_ratio, pool_mode, aligned):
    with torch.enable_grad():
        x = torch.zeros_like(grad_input, requires_grad=True)
        y = _roi_align(x, rois, aligned_height, aligned_width, spatial_scale, sampling_ratio,
                       aligned)
        grad_input.copy_(torch.autograd.grad(y, x, grad_output)[0])


def _focal(x, target, weight, gamma, alpha):
    onehot = F.one_hot(target, x.shape[1] + 1)[:, : x.shape[1]].to(x)
    p = x.sigmoid()
    ce = F.binary_cross_entropy_with_logits(x, onehot, reduction="none")
    pt = p * onehot + (1 - p) * (1 - onehot)
    loss = (alpha * onehot + (1 - alpha) * (1 - onehot)) * (1 - pt) ** gamma * ce
    return loss * weight if weight.numel() else loss


def _focal_forward(input, target, weight, output, gamma, alpha):
    output.copy_(_focal(input, target, weight, gamma, alpha))


def _focal_backward(input, target, weight, grad_input, gamma, alpha):
    with torch.enable_grad():
        x = input.detach().requires_grad_()
        grad_input.copy_(torch.autograd.grad(_focal(x, target, weight, gamma, alpha).sum(), x)[0])


_SUPPLIED = {
    "nms": _nms,
    "roi_align_forward": _roi_align_forward,
    "roi_align_backward": _roi_align_backward,
    "sigmoid_focal_loss_forward": _focal_forward,
    "sigmoid_focal_loss_backward": _focal_backward,
}


class _StandIn(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*args, **kwargs):
            raise NotImplementedError(f"mmcv operator {name!r} needs mmcv with compiled ops")

        return missing


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == NAME else None

    def create_module(self, spec):
        return _StandIn(spec.name)

    def exec_module(self, module):
        module.__dict__.update(_SUPPLIED)


def _define_torchvision_schemas():
    spec = importlib.util.find_spec("torchvision")
    if spec is None or hasattr(torch.ops.torchvision, "nms"):
        return
    finder = importlib.machinery.FileFinder(
        spec.submodule_search_locations[0],
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    )
    compiled = finder.find_spec("_C")
    if compiled is not None:
        try:
            torch.ops.load_library(compiled.origin)
            return
        except OSError:
            pass
    library = torch.library.Library("torchvision", "DEF")
    for op in ("nms", "qnms"):
        library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)


def install() -> None:
    """Make ``mmcv.ops``, MMDetection and torchvision importable without compiled operators."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    _define_torchvision_schemas()
