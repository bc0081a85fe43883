import pytest
import torch
import torch.nn.functional as F

from mmdense.transfer.resize import (
    PositionLayout,
    position_layout,
    resample_patches,
    resize_bias_table,
    resize_grid,
    resize_line,
    resize_positions,
)

CLS, DIST = "cls_token", "dist_token"


@pytest.mark.parametrize(
    ("length", "tokens", "grid", "expected"),
    [
        (197, [CLS], None, ((CLS,), (14, 14))),
        (198, [CLS, DIST], None, ((CLS, DIST), (14, 14))),
        (196, [CLS], None, ((), (14, 14))),
        (1370, [CLS, "reg_token"], None, ((CLS,), (37, 37))),
        (197, [], None, ((CLS,), (14, 14))),
        (13, [CLS], (3, 4), ((CLS,), (3, 4))),
    ],
)
def test_layouts_are_inferred(length, tokens, grid, expected):
    assert position_layout(length, tokens, grid) == expected


@pytest.mark.parametrize(("grid", "text"), [(None, "a square grid"), ((4, 4), "a grid of 4 x 4")])
def test_a_length_without_such_a_grid_is_refused(grid, text):
    with pytest.raises(ValueError, match=f"13 rows, which is not {text} with up to 1 tokens"):
        position_layout(13, [CLS], grid)


@pytest.mark.parametrize("old", [(), (CLS,), (CLS, DIST)])
@pytest.mark.parametrize("new", [(), (CLS,), (CLS, DIST)])
def test_tokens_keep_their_rows_and_gain_or_lose_them(old, new):
    table, grid = torch.randn(1, len(old) + 9, 2), (3, 3)
    found, lost = resize_positions(table, PositionLayout(old, grid), PositionLayout(new, grid))
    assert torch.equal(found[:, len(new) :], table[:, len(old) :])
    for i, token in enumerate(new):
        row = table[:, i] if token in old else torch.zeros(1, 2)
        assert torch.equal(found[:, i], row)
    assert set(lost) == set(old) - set(new)
    assert all(torch.equal(lost[token][:, 0], table[:, old.index(token)]) for token in lost)


def test_a_grid_varies_along_the_same_axis_after_a_resize():
    rows = torch.arange(6.0).repeat_interleave(6).view(1, 36, 1)
    found = resize_grid(rows, (6, 6), (12, 3)).view(12, 3)
    assert (found[:, 0].diff() > -0.05).all()  # bicubic overshoots a little at the ends
    torch.testing.assert_close(found, found[:, :1].expand(-1, 3), atol=1e-5, rtol=0)
    assert resize_grid(torch.ones(1, 36, 1), (6, 6), (4, 9)).allclose(torch.ones(1, 36, 1))
    assert resize_grid(rows, (6, 6), (6, 6)) is rows


def test_shrunk_patches_give_nearly_the_same_tokens_of_smooth_images():
    weight = torch.randn(5, 3, 16, 16)
    smooth = F.interpolate(torch.randn(9, 3, 3, 3), (16, 16), mode="bicubic")
    small = F.interpolate(smooth, (14, 14), mode="bicubic", antialias=True)
    found, expected = F.conv2d(small, resample_patches(weight, (14, 14))), F.conv2d(smooth, weight)
    assert (found - expected).square().mean() < 1e-2 * expected.square().mean()


def test_bias_tables_keep_the_rows_of_the_class_token():
    table = torch.randn(5 * 5 + 3, 2)
    found = resize_bias_table(table, 9 * 9 + 3)
    assert found.shape == (84, 2)
    assert torch.equal(found[-3:], table[-3:])
    # The middle, distance zero, stays in the middle.
    torch.testing.assert_close(found[40], table[12], atol=0.2, rtol=0.2)
    torch.testing.assert_close(resize_bias_table(table, 28), table)


@pytest.mark.parametrize(
    ("rows", "wanted", "message"),
    [(28, 81, "rows for a class token"), (7, 9, "not a table of a square window")],
)
def test_bias_tables_of_other_forms_are_refused(rows, wanted, message):
    with pytest.raises(ValueError, match=message):
        resize_bias_table(torch.randn(rows, 2), wanted)


def test_lines_are_resized_linearly():
    line = torch.arange(5.0).unsqueeze(1).expand(-1, 2)
    # Positions (j + 1/2) 5/9 - 1/2 of the outputs j = 0 to 8, not below 0 and not above 4.
    expected = ((torch.arange(9.0) + 0.5) * 5 / 9 - 0.5).clamp(0, 4)
    torch.testing.assert_close(resize_line(line, 9)[:, 0], expected)
