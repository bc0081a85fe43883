import pytest
import torch

from projects.cascade_rpn import sampled_conv as module
from projects.cascade_rpn.sampled_conv import sampled_conv
from tests.cascade_rpn.operations import Operations


def problem(A=1, groups=1, C=12, D=6, M=10, L=7, K=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(A + 10 * groups)
    table = torch.randn(M, C, generator=generator, dtype=dtype)
    kernel = torch.randn(D, C // groups, K, generator=generator, dtype=dtype)
    rows = torch.randint(0, M, (L, A, K, 4), generator=generator)
    weights = torch.randn(L, A, K, 4, generator=generator, dtype=dtype)
    return table, kernel, rows, weights


def loop(table, kernel, rows, weights, groups):
    """Every output channel adds its taps, each the channels of its group, read at their points."""
    L, A, K, _ = rows.shape
    D, channels, _ = kernel.shape
    C = table.shape[1]
    out = table.new_zeros(L, D)
    for cell in range(L):
        for d in range(D):
            for c in range(channels):
                channel = d // (D // groups) * channels + c
                a = channel // (C // A)
                for k in range(K):
                    value = sum(
                        weights[cell, a, k, j] * table[rows[cell, a, k, j], channel]
                        for j in range(4)
                    )
                    out[cell, d] += kernel[d, c, k] * value
    return out


GROUPS = [(1, 1), (2, 1), (1, 3), (2, 2), (2, 3), (3, 2), (6, 3)]


@pytest.mark.parametrize(("A", "groups"), GROUPS)
def test_equals_the_loop_with_gradients(A, groups):
    table, kernel, rows, weights = problem(A, groups, C=6, L=4)
    for tensor in (table, kernel, weights):
        tensor.requires_grad_()
    slow = loop(table, kernel, rows, weights, groups)
    upstream = torch.randn_like(slow)
    expected = torch.autograd.grad(slow, (table, kernel, weights), upstream)
    for max_mib in (None, 1e-9):
        ours = sampled_conv(table, kernel, rows, weights, groups=groups, max_mib=max_mib)
        torch.testing.assert_close(ours, slow)
        found = torch.autograd.grad(ours, (table, kernel, weights), upstream)
        torch.testing.assert_close(found, expected)


PARTS = ("table", "kernel", "weights")
WORK = ("_accumulate", "_grad_kernel", "_grad_shares")  # what makes the gradient of each


@pytest.mark.parametrize("wanted", PARTS)
def test_no_gradient_is_computed_that_nobody_asked_for(wanted, monkeypatch):
    called = []
    for name in WORK:
        work = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *given, name=name, work=work: (called.append(name), work(*given))[1],
        )
    table, kernel, rows, weights = problem()
    given = {"table": table, "kernel": kernel, "weights": weights}
    given[wanted].requires_grad_()
    sampled_conv(rows=rows, **given).sum().backward()
    assert given[wanted].grad.abs().sum() > 0
    assert called == [WORK[PARTS.index(wanted)]]


def test_a_bound_holds_the_gradients_of_one_tap_at_a_time():
    # What all nine taps read: 9 * M * D. One tap: M * D, and no column buffer, L * K * C.
    M, C, D, L, K = 400, 8, 16, 300, 9
    table, kernel, rows, weights = problem(C=C, D=D, M=M, L=L, K=K)
    for tensor in (table, kernel):
        tensor.requires_grad_()
    largest = []
    for max_mib in (None, 1e-9):
        with Operations() as sizes:
            sampled_conv(table, kernel, rows, weights, max_mib=max_mib).sum().backward()
        largest.append(sizes.largest)
    assert largest[0] == K * M * D
    assert largest[1] <= max(M * D, L * K * 4) < L * K * C


def test_columns_come_in_blocks_however_large_the_map(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_MIB", 16)
    table, kernel, rows, weights = problem(C=128, D=4, M=400, L=3000, K=9)
    with Operations() as sizes:
        whole = sampled_conv(table, kernel, rows, weights)
    assert rows.numel() < sizes.largest <= module._BLOCK_MIB * 2**20 / 8 < 3000 * 9 * 128
    halves = (
        sampled_conv(table, kernel, rows[i:j], weights[i:j]) for i, j in ((0, 999), (999, 3000))
    )
    torch.testing.assert_close(torch.cat([*halves]), whole)


def test_the_inputs_and_the_plan_are_kept_for_the_backward_pass_and_no_more():
    table, kernel, rows, weights = problem()
    kernel.requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, id):
        sampled_conv(table, kernel, rows, weights)
    assert set(kept) == {tensor.data_ptr() for tensor in (table, kernel, rows, weights)}


def test_gradients_of_half_precision_are_near_to_float32():
    table, kernel, rows, weights = problem(C=64, D=32, M=50, L=40, dtype=torch.float32)
    weights = weights.softmax(-1)
    grads = []
    for dtype in (torch.float32, torch.bfloat16):
        leaves = [t.to(dtype).requires_grad_() for t in (table, kernel)]
        out = sampled_conv(leaves[0], leaves[1], rows, weights)
        grads.append(torch.autograd.grad(out.float().square().sum(), leaves))
    for full, half in zip(*grads):
        assert half.dtype == torch.bfloat16
        scale = full.abs().max()
        torch.testing.assert_close(half.float() / scale, full / scale, atol=2e-2, rtol=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": 5}, "groups"),
        ({"kernel": torch.zeros(6, 11, 3)}, "does not match 12 channels"),
        ({"rows": torch.zeros(7, 5, 3, 4, dtype=torch.long)}, "cannot be divided"),
        ({"weights": torch.zeros(7, 1, 3, 3)}, "rows and weights"),
        ({"kernel": torch.zeros(6, 12, 2)}, "rows and weights"),
    ],
)
def test_bad_input(change, words):
    table, kernel, rows, weights = problem(dtype=torch.float32)
    given = {"table": table, "kernel": kernel, "rows": rows, "weights": weights, **change}
    with pytest.raises(ValueError, match=words):
        sampled_conv(**given)
