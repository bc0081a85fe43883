"""Attention over the patches equals its loop."""

import math

import pytest
import torch

from mmdense.visual.attention import class_attention
from tests.references.attention_loop import class_attention_loop


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("heads", "tokens", "extra", "size"), [(3, 7, 1, 5), (1, 4, 0, 8), (2, 6, 2, 1)]
)
def test_equals_the_loop(heads, tokens, extra, size, dtype):
    generator = torch.Generator().manual_seed(tokens)
    queries, keys = torch.randn(2, heads, tokens, size, generator=generator).to(dtype)
    found = class_attention(queries, keys, extra=extra)
    expected = class_attention_loop(queries.tolist(), keys.tolist(), extra)
    assert found.dtype == torch.float32
    assert torch.allclose(found, torch.tensor(expected), atol=1e-6)


def test_a_hand_case():
    # One head, d = 4, so logits are halved. The class token (2, 0, 0, 0) meets keys whose first
    # numbers are 0, ln 3, ln 5: weights 1, 3 and 5 of 9, and the first is the token's own.
    keys = torch.zeros(1, 3, 4)
    keys[0, :, 0] = torch.tensor([0.0, math.log(3), math.log(5)])
    queries = torch.zeros(1, 3, 4)
    queries[0, 0, 0] = 2
    assert torch.allclose(class_attention(queries, keys, extra=1), torch.tensor([[3 / 9, 5 / 9]]))
    # Without a class token the mean query is (2 / 3, 0, 0, 0): weights 1, 3^(1/3), 5^(1/3).
    weights = torch.tensor([[1.0, 3 ** (1 / 3), 5 ** (1 / 3)]])
    assert torch.allclose(class_attention(queries, keys, extra=0), weights / weights.sum())


def test_large_logits_do_not_overflow():
    keys = torch.tensor([[[0.0], [1e4], [0.0]]])
    found = class_attention(torch.full_like(keys, 1e4), keys, extra=1)
    assert found.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("queries", "keys", "extra", "message"),
    [
        ((2, 3, 4), (2, 4, 4), 1, "must both be [h, L, d]"),
        ((3, 4), (3, 4), 1, "must both be [h, L, d]"),
        ((2, 3, 4), (2, 3, 4), 3, "extra is 3; it must be from 0 to 2"),
    ],
)
def test_bad_shapes_are_named(queries, keys, extra, message):
    with pytest.raises(ValueError, match="be") as caught:
        class_attention(torch.zeros(queries), torch.zeros(keys), extra=extra)
    assert message in str(caught.value)
