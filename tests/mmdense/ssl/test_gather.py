"""Gathering in one process; two processes: tests/simsiam_decomp/test_every_head.py."""

import torch

import mmdense  # noqa: F401
from mmdense.ssl.gather import gather_rows, mean_over_ranks, sum_over_ranks


def test_one_process_has_everything_already():
    rows = torch.randn(3, 4, requires_grad=True)
    assert gather_rows(rows) is rows
    parts = [torch.ones(2), torch.zeros(3, 1)]
    assert [part is own for part, own in zip(sum_over_ranks(parts), parts, strict=True)]
    assert torch.equal(mean_over_ranks(rows[:, 0]), rows[:, 0].mean())


def test_rows_and_gradients_pass_through_a_group_of_one(tmp_path):
    # A gloo group of one process runs the code of many.
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        from mmdense.ssl.gather import _GatherRows

        rows = torch.randn(3, 4, requires_grad=True)
        gathered = _GatherRows.apply(rows)
        gathered.square().sum().backward()
        assert torch.equal(gathered, rows)
        assert torch.allclose(rows.grad, 2 * rows)
    finally:
        torch.distributed.destroy_process_group()
