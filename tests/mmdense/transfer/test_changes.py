import torch
from torch import nn

from mmdense.transfer.changes import (
    from_unfold_order,
    join_query_and_value_bias,
    split_query_and_value_bias,
    to_unfold_order,
)


def authors_merging(x, reduction):
    """Patch merging as Swin's authors write it, [N, H, W, C]."""
    parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    return torch.cat(parts, dim=-1) @ reduction.T


def test_merging_by_unfold_equals_that_of_the_authors():
    x, reduction = torch.randn(2, 4, 6, 3), torch.randn(5, 12)
    columns = nn.functional.unfold(x.permute(0, 3, 1, 2), 2, stride=2)  # [2, 12, 6]
    found = columns.transpose(1, 2) @ to_unfold_order(reduction).T
    torch.testing.assert_close(found.view(2, 2, 3, 5), authors_merging(x, reduction))
    assert torch.equal(from_unfold_order(to_unfold_order(reduction)), reduction)


def test_a_bias_of_keys_does_not_change_attention():
    q, k = torch.randn(4, 8), torch.randn(6, 8)
    bias = torch.randn(24)
    query, value = split_query_and_value_bias(bias)
    with_keys = ((q + bias[:8]) @ (k + bias[8:16]).T).softmax(-1)
    without = ((q + query) @ k.T).softmax(-1)
    torch.testing.assert_close(with_keys, without)
    joined = join_query_and_value_bias([query, value])
    assert torch.equal(joined[:8], bias[:8]) and torch.equal(joined[16:], bias[16:])
    assert not joined[8:16].any()
