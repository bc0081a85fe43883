"""Under autocast the network computes in bfloat16, the losses and statistics in float32."""

import pytest
import torch
from torch import nn

import mmdense  # noqa: F401
from tests.simsiam_decomp.every_head import HEADS
from tests.simsiam_decomp.small_views import build, total


class Network(nn.Module):
    """Projections that come in bfloat16 under autocast."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, views):
        return [self.layer(view) for view in views]


def losses(name, *, amp):
    from mmengine.structures import BaseDataElement

    head = build(HEADS[name])
    torch.manual_seed(0)
    network = Network()
    number = 4 if name == "expectation" else 2
    image = torch.randn(7, 4)
    given = [image + 0.5 * torch.randn(7, 4) for _ in range(number)]
    samples = [BaseDataElement(metainfo={"sample_idx": index}) for index in range(7)]
    torch.manual_seed(5)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        views = network(given)
        assert views[0].dtype == (torch.bfloat16 if amp else torch.float32)
        found = head.loss(views, samples)
    total(found).backward()
    return found, network.layer.weight.grad


@pytest.mark.parametrize("name", HEADS)
def test_losses_are_float32_and_close(name):
    exact, gradient = losses(name, amp=False)
    found, coarse = losses(name, amp=True)
    for key, value in found.items():
        assert value.dtype == torch.float32, key
        assert float(value) == pytest.approx(float(exact[key]), rel=0.03, abs=0.03), key
    assert coarse.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(coarse.flatten(), gradient.flatten(), 0) > 0.99
