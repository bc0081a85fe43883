import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d
from projects.cascade_rpn.adaptive_points import adaptive_points
from tests.cascade_rpn.operations import operations
from tests.references.adaptive_conv_loop import adaptive_conv_loop

SIZES = [(6, 9), (3, 5)]
STRIDES = [(4.0, 4.0), (8.0, 8.0)]


def squares(side, size=SIZES[0], stride=4.0, center_offset=0.0, images=1):
    """A square of ``side`` strides around every cell, [images, H * W, 4]."""
    y, x = torch.meshgrid(*(torch.arange(n) + center_offset for n in size), indexing="ij")
    center = torch.stack((x, y), -1).reshape(-1, 2) * stride
    reach = side * stride / 2
    return torch.cat((center - reach, center + reach), 1).expand(images, -1, 4)


def random_boxes(size, stride, images=2, seed=0, each=1):
    generator = torch.Generator().manual_seed(seed)
    boxes = squares(3.0, size, stride, images=images).repeat_interleave(each, dim=1)
    return boxes + torch.randn(boxes.shape, generator=generator) * stride


def pyramid(images=2, C=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(images, C, *size, generator=generator) for size in SIZES]


def pyramid_boxes(images=2):
    return [random_boxes(size, stride[0], images) for size, stride in zip(SIZES, STRIDES)]


@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("k", [3, 5])
def test_a_square_of_k_minus_one_strides_is_a_plain_convolution_and_larger_ones_dilated(
    k, dilation
):
    conv = AdaptiveConv2d(4, 5, k, bias=True)
    x = torch.randn(2, 4, *SIZES[0])
    boxes = squares((k - 1) * dilation, images=2)
    plain = F.conv2d(x, conv.weight, conv.bias, padding=(k // 2) * dilation, dilation=dilation)
    torch.testing.assert_close(conv([x], [boxes], STRIDES[:1])[0], plain, atol=1e-5, rtol=1e-5)


def test_the_centre_offset_of_the_generator_is_honoured():
    conv = AdaptiveConv2d(4, 5, center_offset=0.5)
    x = torch.randn(1, 4, *SIZES[0])
    boxes = squares(2, center_offset=0.5)
    plain = F.conv2d(x, conv.weight, padding=1)
    torch.testing.assert_close(conv([x], [boxes], STRIDES[:1])[0], plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("k", "dilation", "center_offset"), [(3, 1.0, 0), (5, 0.7, 0.5), (1, 1, 0)]
)
def test_equals_the_loop_on_every_level(k, dilation, center_offset):
    conv = AdaptiveConv2d(4, 3, k, dilation=dilation, center_offset=center_offset).double()
    maps = [level.double() for level in pyramid()]
    boxes = pyramid_boxes()
    outs = conv(maps, boxes, STRIDES)
    for level, box, stride, out in zip(maps, boxes, STRIDES, outs):
        for image in range(2):
            slow = adaptive_conv_loop(
                level[image], box[image], conv.weight, stride[0], dilation, center_offset
            )
            torch.testing.assert_close(out[image], slow, atol=1e-4, rtol=1e-4)  # float32 points


def offsets_of(boxes, size, stride):
    """Deformable convolution's ``(dy, dx)`` of each of nine taps, [N, 18, H, W]."""
    points = adaptive_points(boxes, stride=stride)
    y, x = (p.reshape(len(boxes), *size, 3) for p in (points.y, points.x))
    rows = torch.arange(size[0])[None, :, None, None] + torch.arange(-1, 2)
    columns = torch.arange(size[1])[None, None, :, None] + torch.arange(-1, 2)
    dy = (y - rows)[..., :, None].expand(-1, -1, -1, 3, 3)
    dx = (x - columns)[..., None, :].expand(-1, -1, -1, 3, 3)
    return torch.stack((dy, dx), -1).flatten(3).permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_equals_deform_conv2d_of_torchvision_where_it_is_compiled(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    conv = AdaptiveConv2d(4, 5).to(device)
    x = torch.randn(2, 4, *SIZES[0], device=device, requires_grad=True)
    boxes = random_boxes(SIZES[0], 4.0)
    offsets = offsets_of(boxes, SIZES[0], 4.0).to(device)
    try:
        theirs = deform_conv2d(x, offsets, conv.weight, padding=1)
    except (NotImplementedError, RuntimeError, AttributeError) as error:
        pytest.skip(f"torchvision's operator is not compiled here: {error!s:.60}")
    ours = conv([x], [boxes.to(device)], STRIDES[:1])[0]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    grads = [torch.autograd.grad(out.square().sum(), x)[0] for out in (ours, theirs)]
    torch.testing.assert_close(*grads, atol=1e-3, rtol=1e-3)


def test_groups_are_convolutions_side_by_side_and_each_box_moves_its_channels():
    x = pyramid()[0]
    grouped, of_boxes = AdaptiveConv2d(4, 6, groups=2), AdaptiveConv2d(4, 6, deform_groups=2)
    boxes = random_boxes(SIZES[0], 4.0, each=2)
    apart, total = [], 0
    for index, part in enumerate(x.chunk(2, dim=1)):
        half, one = AdaptiveConv2d(2, 3), AdaptiveConv2d(2, 6)
        half.weight.data.copy_(grouped.weight.detach().chunk(2)[index])
        one.weight.data.copy_(of_boxes.weight.detach().chunk(2, dim=1)[index])
        apart += half([part], [boxes[:, ::2]], STRIDES[:1])
        total = total + one([part], [boxes[:, index::2]], STRIDES[:1])[0]
    found = grouped([x], [boxes[:, ::2]], STRIDES[:1])[0]
    torch.testing.assert_close(found, torch.cat(apart, 1))
    torch.testing.assert_close(of_boxes([x], [boxes], STRIDES[:1])[0], total)


def test_boxes_get_no_gradient_and_the_rest_does():
    conv = AdaptiveConv2d(4, 3, bias=True)
    maps = [level.requires_grad_() for level in pyramid()]
    boxes = [box.requires_grad_() for box in pyramid_boxes()]
    sum(out.square().sum() for out in conv(maps, boxes, STRIDES)).backward()
    assert all(box.grad is None for box in boxes)
    for tensor in (*maps, conv.weight, conv.bias):
        assert tensor.grad.abs().sum() > 0


def test_all_images_and_levels_take_one_convolution_and_six_numbers_a_box():
    conv, counts = AdaptiveConv2d(4, 3), []
    for images in (1, 5):
        boxes = pyramid_boxes(images)
        counts.append(operations(conv, pyramid(images), boxes, STRIDES))
    assert counts[0] == counts[1]
    assert counts[0]["convolution"] == 1
    # Two times three, where an offset field has 18.
    points = adaptive_points(boxes[0], stride=STRIDES[0])
    assert sum(part[0, 0].numel() for part in points) == 6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_reads_at_float32_coordinates(dtype):
    # On a map 600 cells wide, bfloat16 knows only every fourth cell (float16 every half) at the
    # far end; the features there must be those of the right cell all the same.
    conv = AdaptiveConv2d(1, 1, 1).to(dtype)
    conv.weight.data.fill_(1)
    x = torch.zeros(1, 1, 1, 600, dtype=dtype)
    x[..., 597] = 1
    boxes = squares(2, (1, 600), 4.0)
    out = conv([x], [boxes], STRIDES[:1])[0]
    assert out.dtype == dtype
    assert torch.equal(out, x)


def test_autocast_computes_in_its_type_as_convolutions_do():
    conv = AdaptiveConv2d(4, 3, bias=True)
    x, boxes = pyramid()[0], random_boxes(SIZES[0], 4.0)
    full = conv([x], [boxes], STRIDES[:1])[0]
    with torch.autocast("cpu", torch.bfloat16):
        half = conv([x], [boxes], STRIDES[:1])[0]
        assert half.dtype == F.conv2d(x, conv.weight).dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), full, atol=3e-2, rtol=3e-2)
    half.float().sum().backward()
    assert conv.weight.grad.dtype == torch.float32


def test_compiles_into_one_graph_with_its_gradients():
    conv = AdaptiveConv2d(4, 3, bias=True)
    maps, boxes = pyramid(), pyramid_boxes()
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    grads = []
    for run in (conv, compiled):
        outs = run(maps, boxes, STRIDES)
        loss = sum(out.square().sum() for out in outs)
        grads.append((*outs, *torch.autograd.grad(loss, (conv.weight, conv.bias))))
    for eager, graph in zip(*grads):
        torch.testing.assert_close(eager, graph, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "box",
    [
        (20.0, 12, 20, 12),  # no size: all taps on one point
        (-4000.0, -4000, -3000, -3000),  # outside: zeros
        (float("nan"), 0, 10, 10),  # not a box: zeros
    ],
)
def test_odd_boxes_read_a_point_or_zero(box):
    conv = AdaptiveConv2d(4, 3).double()
    x = torch.randn(1, 4, *SIZES[0], dtype=torch.float64)
    boxes = torch.tensor(box).expand(1, SIZES[0][0] * SIZES[0][1], 4)
    out = conv([x], [boxes], STRIDES[:1])[0]
    point = x[0, :, 3, 5] if box[0] == 20 else torch.zeros(4, dtype=torch.float64)
    expected = (conv.weight.sum((2, 3)) @ point).view(1, 3, 1, 1).expand_as(out)
    torch.testing.assert_close(out, expected)


def test_bad_input():
    with pytest.raises(ValueError, match="odd"):
        AdaptiveConv2d(4, 4, 2)
    with pytest.raises(ValueError, match="deform_groups=3"):
        AdaptiveConv2d(4, 4, deform_groups=3)
    with pytest.raises(ValueError, match="groups=4"):
        AdaptiveConv2d(4, 2, groups=4)
    conv = AdaptiveConv2d(4, 3)
    x, boxes = pyramid()[0], random_boxes(SIZES[0], 4.0)
    with pytest.raises(ValueError, match="6 x 9 cells"):
        conv([x], [boxes[:, :-1]], STRIDES[:1])
    with pytest.raises(ValueError, match="maps, boxes and strides"):
        conv([x], [boxes, boxes], STRIDES[:1])
    with pytest.raises(ValueError, match="2 images"):
        conv([x], [boxes[:1]], STRIDES[:1])
