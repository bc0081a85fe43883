"""Adaptive convolution and a plain 3x3 convolution of the same size, and the memory it needs.

Freed memory is kept for new tensors, as in the tools of mmdense. Boxes are anchors of eight strides
with small random offsets.
"""

import torch
import torch.nn.functional as F

from benchmarks.timing import compare, memory_result
from mmdense.machine import keep_freed_memory

CHANNELS = 256
COLUMNS_MIB = 9 * CHANNELS * 200 * 336 * 4 / 2**20  # of the compiled operator of mmcv


def problem(height: int, width: int, dtype: torch.dtype, max_mib: float = 128):
    """Functions of adaptive and plain convolution, and the tensors with gradients of each."""
    from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d

    torch.manual_seed(0)
    stride = 4.0
    conv = AdaptiveConv2d(CHANNELS, CHANNELS, max_mib=max_mib).to(dtype)
    plain = conv.weight.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    maps = torch.randn(1, CHANNELS, height, width, dtype=dtype)
    maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_()
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    center = torch.stack((x, y), -1).reshape(1, -1, 2) * stride
    center = center + torch.randn(center.shape) * stride
    reach = 4 * stride * torch.exp(0.4 * torch.randn(center.shape))
    boxes = torch.cat((center - reach, center + reach), -1)

    def ours():
        return conv([maps], [boxes], [(stride, stride)])[0]

    def other():
        return F.conv2d(maps, plain, padding=1)

    return (ours, (maps, conv.weight)), (other, (maps, plain))


def run() -> list[dict]:
    keep_freed_memory()
    results = []
    threads = torch.get_num_threads()
    for dtype in (torch.float32, torch.bfloat16):
        for height, width in ((100, 168), (200, 336)):
            (ours, leaves), (other, plain_leaves) = problem(height, width, dtype)
            upstream = torch.randn(1, CHANNELS, height, width).to(dtype)
            upstream = upstream.contiguous(memory_format=torch.channels_last)
            words = {
                "other_name": "conv2d 3x3",
                "rounds": 21,  # the times of single calls vary by 50 %
                "setting": f"{CHANNELS} channels, one {height}x{width} map, {str(dtype)[6:]}, "
                f"{threads} threads",
            }
            with torch.no_grad():
                results.append(compare("Adaptive convolution, forward", ours, other, **words))
            results.append(
                compare(
                    "Adaptive convolution, forward and backward",
                    lambda f=ours, t=leaves, g=upstream: torch.autograd.grad(f(), t, g),
                    lambda f=other, t=plain_leaves, g=upstream: torch.autograd.grad(f(), t, g),
                    **words,
                )
            )
    return [*results, *bounded(threads)]


def bounded(threads: int) -> list[dict]:
    """Memory for a map of 200x336, at most 200 MiB by default, and the time cost of this limit."""
    upstream = torch.randn(1, CHANNELS, 200, 336).contiguous(memory_format=torch.channels_last)
    (ours, leaves), (free, free_leaves) = (
        problem(200, 336, torch.float32, mib)[0] for mib in (128, 4096)
    )
    output = upstream.numel() * 4 / 2**20
    words = {
        "other_mib": COLUMNS_MIB,
        "other_name": "columns of mmcv",
        "setting": f"{CHANNELS} channels, one 200x336 map, float32, above input and output",
    }
    name = "Memory of adaptive convolution"
    with torch.no_grad():
        results = [memory_result(f"{name}, forward", ours, output, **words)]
    results.append(
        memory_result(
            f"{name}, backward",
            lambda: torch.autograd.grad(ours(), leaves, upstream),
            2 * output,  # includes the gradient of the input
            **words,
        )
    )
    words = {
        "other_name": "unbounded",
        "rounds": 21,
        "setting": f"{CHANNELS} channels, one 200x336 map, float32, {threads} threads",
    }
    name = "Adaptive convolution within 200 MiB"
    with torch.no_grad():
        results.append(compare(f"{name}, forward", ours, free, **words))
    results.append(
        compare(
            f"{name}, forward and backward",
            lambda: torch.autograd.grad(ours(), leaves, upstream),
            lambda: torch.autograd.grad(free(), free_leaves, upstream),
            **words,
        )
    )
    return results
