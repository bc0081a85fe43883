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
    for dtype in (torch.float32, torch.bfloat16):
        for size in ((100, 168), (200, 336)):
            sides = problem(*size, dtype)
            results += both("Adaptive convolution", sides, size, dtype, "conv2d 3x3")
    return [*results, *bounded()]


def both(name, sides, size, dtype, other_name) -> list[dict]:
    """Time of the forward pass alone, and with the backward pass."""
    (ours, leaves), (other, other_leaves) = sides
    upstream = torch.randn(1, CHANNELS, *size).to(dtype)
    upstream = upstream.contiguous(memory_format=torch.channels_last)
    words = {
        "other_name": other_name,
        "rounds": 21,  # the times of single calls vary by 50 %
        "setting": f"{CHANNELS} channels, one {size[0]}x{size[1]} map, {str(dtype)[6:]}, "
        f"{torch.get_num_threads()} threads",
    }
    with torch.no_grad():
        forward = compare(f"{name}, forward", ours, other, **words)
    backward = compare(
        f"{name}, forward and backward",
        lambda: torch.autograd.grad(ours(), leaves, upstream),
        lambda: torch.autograd.grad(other(), other_leaves, upstream),
        **words,
    )
    return [forward, backward]


def bounded() -> list[dict]:
    """Memory for a map of 200x336, at most 200 MiB by default, and the time cost of this limit."""
    upstream = torch.randn(1, CHANNELS, 200, 336).contiguous(memory_format=torch.channels_last)
    sides = [problem(200, 336, torch.float32, mib)[0] for mib in (128, 4096)]
    ours, leaves = sides[0]
    output = upstream.numel() * 4 / 2**20
    words = {
        "other_mib": COLUMNS_MIB,
        "other_name": "columns of mmcv",
        "setting": f"{CHANNELS} channels, one 200x336 map, float32, above input and output",
    }
    name = "Memory of adaptive convolution"
    with torch.no_grad():
        forward = memory_result(f"{name}, forward", ours, output, **words)
    backward = memory_result(
        f"{name}, backward",
        lambda: torch.autograd.grad(ours(), leaves, upstream),
        2 * output,  # includes the gradient of the input
        **words,
    )
    name = "Adaptive convolution within 200 MiB"
    times = both(name, sides, (200, 336), torch.float32, "unbounded")
    return [forward, backward, *times]
