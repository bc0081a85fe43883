"""Adaptive convolution against torchvision's deformable convolution, where that is compiled."""

import pytest
import torch

import mmdense  # noqa: F401
from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d
from projects.cascade_rpn.adaptive_points import adaptive_points

SIZE, STRIDE = (7, 10), 8.0


def boxes_around_cells(images):
    """Boxes of all shapes about their cells, [images, H * W, 4]."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*(torch.arange(n) for n in SIZE), indexing="ij")
    center = torch.stack((x, y), -1).reshape(-1, 2) * STRIDE
    boxes = torch.cat((center - 2 * STRIDE, center + 2 * STRIDE), 1).expand(images, -1, 4)
    return boxes + torch.randn(boxes.shape, generator=generator) * STRIDE


def offsets_of(boxes):
    """Deformable convolution's ``(dy, dx)`` of each of nine taps, [N, 18, H, W]."""
    points = adaptive_points(boxes, stride=STRIDE)
    y, x = (p.reshape(len(boxes), *SIZE, 3) for p in (points.y, points.x))
    rows = torch.arange(SIZE[0])[None, :, None, None] + torch.arange(-1, 2)
    columns = torch.arange(SIZE[1])[None, None, :, None] + torch.arange(-1, 2)
    dy = (y - rows)[..., :, None].expand(-1, -1, -1, 3, 3)
    dx = (x - columns)[..., None, :].expand(-1, -1, -1, 3, 3)
    return torch.stack((dy, dx), -1).flatten(3).permute(0, 3, 1, 2).contiguous()


def deform_conv_loop(x, offsets, weight):
    """A slow deformable convolution with zeros outside, to hold the offsets above to account."""
    out = torch.zeros(len(x), len(weight), *SIZE)
    for n in range(len(x)):
        for i in range(SIZE[0]):
            for j in range(SIZE[1]):
                for tap in range(9):
                    dy, dx = offsets[n, 2 * tap : 2 * tap + 2, i, j].tolist()
                    at = (i + tap // 3 - 1 + dy, j + tap % 3 - 1 + dx)
                    out[n, :, i, j] += weight[:, :, tap // 3, tap % 3] @ bilinear(x[n], *at)
    return out


def bilinear(level, y, x):
    value = torch.zeros(len(level))
    for row in (int(y // 1), int(y // 1) + 1):
        for column in (int(x // 1), int(x // 1) + 1):
            if 0 <= row < SIZE[0] and 0 <= column < SIZE[1]:
                value += (1 - abs(y - row)) * (1 - abs(x - column)) * level[:, row, column]
    return value


def test_offsets_of_the_points_give_the_same_in_a_slow_deformable_convolution():
    conv, x = AdaptiveConv2d(4, 5), torch.randn(1, 4, *SIZE)
    boxes = boxes_around_cells(1)
    ours = conv([x], [boxes], [(STRIDE, STRIDE)])[0]
    slow = deform_conv_loop(x, offsets_of(boxes), conv.weight.detach())
    torch.testing.assert_close(ours, slow, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_equals_torchvisions_deform_conv2d(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    from torchvision.ops import deform_conv2d

    conv = AdaptiveConv2d(4, 5).to(device)
    x = torch.randn(2, 4, *SIZE, device=device, requires_grad=True)
    boxes = boxes_around_cells(2)
    try:
        theirs = deform_conv2d(x, offsets_of(boxes).to(device), conv.weight, padding=1)
    except (NotImplementedError, RuntimeError, AttributeError) as error:
        pytest.skip(f"torchvision's operator is not compiled here: {error!s:.60}")
    ours = conv([x], [boxes.to(device)], [(STRIDE, STRIDE)])[0]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    grads = [torch.autograd.grad(out.square().sum(), x)[0] for out in (ours, theirs)]
    torch.testing.assert_close(*grads, atol=1e-3, rtol=1e-3)
