import pytest
import torch
import torch.nn.functional as F

from mmdense.transfer.resize import (
    adapt_input_channels,
    resample_patches,
    resize_bias_table,
    resize_grid,
    resize_line,
)


def test_a_grid_of_the_same_size_is_left_alone():
    table = torch.randn(1, 6, 4)
    assert resize_grid(table, (2, 3), (2, 3)) is table


def test_a_grid_that_varies_along_one_axis_varies_along_it_afterwards():
    rows = torch.arange(6.0).repeat_interleave(6).view(1, 36, 1)
    out = resize_grid(rows, (6, 6), (12, 3)).view(12, 3)
    assert (out[:, 0].diff() > -0.05).all()  # bicubic overshoots a little at the ends
    torch.testing.assert_close(out, out[:, :1].expand(-1, 3), atol=1e-5, rtol=0)
    assert resize_grid(torch.ones(1, 36, 1), (6, 6), (4, 9)).allclose(torch.ones(1, 36, 1))


def test_resized_patches_give_the_same_tokens_of_resized_pictures():
    weight = torch.randn(5, 3, 4, 4)
    patch = torch.randn(2, 3, 4, 4)
    larger = F.interpolate(patch, size=(8, 8), mode="bicubic", antialias=True)
    token = F.conv2d(patch, weight)
    torch.testing.assert_close(
        F.conv2d(larger, resample_patches(weight, (8, 8))), token, atol=1e-4, rtol=1e-4
    )
    assert resample_patches(weight, (4, 4)) is weight


def test_grey_and_colour_pictures_give_what_they_gave():
    weight = torch.randn(2, 3, 3, 3)
    grey = torch.randn(1, 1, 5, 5)
    colour = grey.expand(-1, 3, -1, -1)
    expected = F.conv2d(colour, weight)
    torch.testing.assert_close(F.conv2d(grey, adapt_input_channels(weight, 1)), expected)
    back = adapt_input_channels(adapt_input_channels(weight, 1), 3)
    torch.testing.assert_close(F.conv2d(colour, back), expected)
    picture = torch.randn(1, 3, 5, 5)
    four = torch.cat((picture, torch.randn(1, 1, 5, 5)), dim=1)
    found = F.conv2d(four, adapt_input_channels(weight, 4))
    torch.testing.assert_close(found, F.conv2d(picture, weight))
    with pytest.raises(ValueError, match="no rule brings 3 input channels to 2"):
        adapt_input_channels(weight, 2)


def test_tables_of_windows_keep_the_rows_of_the_class_token():
    table = torch.randn(5 * 5 + 3, 2)
    out = resize_bias_table(table, 9 * 9 + 3)
    assert out.shape == (84, 2)
    assert torch.equal(out[-3:], table[-3:])
    # The middle, distance zero, stays in the middle.
    torch.testing.assert_close(out[40], table[12], atol=0.2, rtol=0.2)
    torch.testing.assert_close(resize_bias_table(table, 28), table)
    with pytest.raises(ValueError, match="another number"):
        resize_bias_table(table, 81)
    with pytest.raises(ValueError, match="no table of a square window"):
        resize_bias_table(torch.randn(7, 2), 9)


def test_lines_are_resized_linearly():
    line = torch.arange(5.0).unsqueeze(1).expand(-1, 2)
    torch.testing.assert_close(resize_line(line, 5), line)
    assert (resize_line(line, 9).diff(dim=0) >= 0).all()
