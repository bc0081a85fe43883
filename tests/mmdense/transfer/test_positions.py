import pytest
import torch

from mmdense.transfer.positions import PositionTable, fit_positions, position_table


@pytest.mark.parametrize(
    ("length", "tokens", "grid", "expected"),
    [
        (197, ["cls_token"], None, (("cls_token",), (14, 14))),
        (198, ["cls_token", "dist_token"], None, (("cls_token", "dist_token"), (14, 14))),
        (196, ["cls_token"], None, ((), (14, 14))),
        (1370, ["cls_token", "reg_token"], None, (("cls_token",), (37, 37))),
        (197, [], None, (("cls_token",), (14, 14))),
        (13, ["cls_token"], (3, 4), (("cls_token",), (3, 4))),
    ],
)
def test_layouts_are_inferred(length, tokens, grid, expected):
    assert position_table(length, tokens, grid) == expected


def test_what_is_no_grid_is_refused():
    with pytest.raises(ValueError, match="13 rows, which is not a square grid"):
        position_table(13, ["cls_token"])
    with pytest.raises(ValueError, match="a grid of 4 x 4"):
        position_table(13, ["cls_token"], (4, 4))


def test_tokens_keep_their_rows_and_gain_or_lose_them():
    table = torch.randn(1, 10, 2)
    nine = (3, 3)
    both = PositionTable(("cls_token", "dist_token"), nine)
    out, rest = fit_positions(table, PositionTable(("cls_token",), nine), both)
    assert torch.equal(out[:, :1], table[:, :1]) and not out[:, 1].any() and not rest
    assert torch.equal(out[:, 2:], table[:, 1:])
    out, rest = fit_positions(table, PositionTable(("cls_token",), nine), PositionTable((), nine))
    assert torch.equal(out, table[:, 1:])
    assert torch.equal(rest["cls_token"], table[:, :1])


def test_a_table_without_tokens_gains_a_row_of_zeros():
    table = torch.randn(1, 9, 2)
    out, rest = fit_positions(
        table, PositionTable((), (3, 3)), PositionTable(("cls_token",), (3, 3))
    )
    assert torch.equal(out[:, 1:], table) and not out[:, 0].any() and not rest


def test_a_grid_need_not_be_square():
    table = torch.randn(1, 13, 2)
    wide, tall = PositionTable(("cls_token",), (3, 4)), PositionTable(("cls_token",), (6, 8))
    out, _ = fit_positions(table, wide, tall)
    assert out.shape == (1, 49, 2) and torch.equal(out[:, :1], table[:, :1])
