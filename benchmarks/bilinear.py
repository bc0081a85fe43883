"""A convolution on nine freely placed points against a plain 3x3 convolution of equal size.

The nine kernel taps are applied first, as one product to nine output maps; each output cell then
reads its nine points, 36 weighted rows, in one gather.
"""

import torch
import torch.nn.functional as F

from benchmarks.timing import compare
from mmdense.ops.bilinear import bilinear_plan, flatten_maps, weighted_gather


def sampled_convolution(maps: torch.Tensor, kernel: torch.Tensor, rows, weights) -> torch.Tensor:
    """Convolve [1, C, H, W] with a kernel [9, C, D] at points planned as [H * W, 9, 4]."""
    taps = kernel.shape[0]
    products = flatten_maps(maps) @ kernel.transpose(0, 1).flatten(1)  # [H * W, 9 * D]
    table = products.view(-1, kernel.shape[2])  # [H * W * 9, D]
    rows = rows * taps + torch.arange(taps)[:, None]
    return weighted_gather(table, rows.flatten(1), weights.flatten(1))  # [H * W, D]


def run() -> list[dict]:
    channels, height, width = 256, 100, 168
    torch.manual_seed(0)
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        maps = torch.randn(1, channels, height, width, dtype=dtype)
        maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_()
        kernel = torch.randn(9, channels, channels, dtype=dtype, requires_grad=True)
        plain = kernel.detach().permute(2, 1, 0).reshape(channels, channels, 3, 3)
        plain = plain.contiguous(memory_format=torch.channels_last).requires_grad_()
        grid = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        y, x = (t.flatten()[:, None] + torch.randn(height * width, 9) * 2 for t in grid)
        plan = bilinear_plan(y, x, height=height, width=width)

        def ours(maps=maps, kernel=kernel, plan=plan):
            return sampled_convolution(maps, kernel, *plan)

        def other(maps=maps, plain=plain):
            return F.conv2d(maps, plain, padding=1)

        name = "Convolution on sampled points"
        words = {
            "other_name": "conv2d 3x3",
            "setting": f"256 channels, one 100x168 map, 9 points a cell, {str(dtype)[6:]}",
        }
        results.append(compare(f"{name}, forward", ours, other, **words))
        results.append(
            compare(
                f"{name}, forward and backward",
                lambda f=ours, m=maps, k=kernel: torch.autograd.grad(f().float().sum(), (m, k)),
                lambda f=other, m=maps, k=plain: torch.autograd.grad(f().float().sum(), (m, k)),
                **words,
            )
        )
    return results


if __name__ == "__main__":
    run()
