"""The simple pyramid: its levels, and where what they see comes from."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.registry import MODELS
from torch.nn.functional import conv2d, layer_norm

from mmdense.necks.simple_pyramid import SimpleFeaturePyramid


# Quarter strides double twice; halves are rounded up: 5 -> 3 -> 2 -> 1.
@pytest.mark.parametrize(
    ("num_outs", "size", "sizes"),
    [
        (4, (4, 6), [(16, 24), (8, 12), (4, 6), (2, 3)]),
        (5, (4, 6), [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]),
        (6, (5, 7), [(20, 28), (10, 14), (5, 7), (3, 4), (2, 2), (1, 1)]),
        (5, (1, 1), [(4, 4), (2, 2), (1, 1), (1, 1), (1, 1)]),
    ],
)
def test_levels_have_strides_4_to_64_of_patches_of_16(num_outs, size, sizes):
    cfg = {"type": "mmdense.SimpleFeaturePyramid", "in_channels": 8, "out_channels": 6}
    neck = MODELS.build({**cfg, "num_outs": num_outs})
    maps = neck([torch.randn(2, 8, *size)])
    assert [tuple(level.shape) for level in maps] == [(2, 6, *cells) for cells in sizes]
    assert all(level.isfinite().all() for level in maps)


@pytest.mark.parametrize("size", [(4, 6), (5, 3)])
def test_every_weight_and_every_cell_get_a_gradient(size):
    torch.manual_seed(0)
    neck = SimpleFeaturePyramid(8, 6)
    image = torch.randn(1, 8, *size, requires_grad=True)
    for level in range(5):
        (gradient,) = torch.autograd.grad(neck([image])[level].square().sum(), image)
        seen = gradient.abs().sum(1) > 0
        assert seen.any() if level >= 3 else seen.all()  # pooling takes the largest cells only
    sum(level.square().sum() for level in neck([image])).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in neck.parameters())
    border = torch.zeros_like(image)
    border[:, 0, -1, -1] = 9.0  # reaches the pooled level, also of an odd map
    difference = neck([border])[3] - neck([torch.zeros_like(image)])[3]
    assert difference[0, :, -1, -1].abs().sum() > 0


def test_the_level_of_stride_16_is_two_normalised_convolutions_of_the_last_map():
    torch.manual_seed(0)
    neck = SimpleFeaturePyramid(4, 2).double()
    first, last = torch.randn(2, 1, 4, 3, 3, dtype=torch.double)
    narrow, _, wide, _ = neck.outputs[2]
    x = last
    for convolution, padding in ((narrow, 0), (wide, 1)):
        x = conv2d(x, convolution.weight, padding=padding).permute(0, 2, 3, 1)
        x = layer_norm(x, (2,), eps=1e-6).permute(0, 3, 1, 2)
    torch.testing.assert_close(neck([first, last])[2], x)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="num_outs=3"):
        SimpleFeaturePyramid(8, num_outs=3)
    with pytest.raises(ValueError, match="in_channels=6: .* multiple of 4"):
        SimpleFeaturePyramid(6)
