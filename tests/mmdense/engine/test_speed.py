import torch
from torch import nn

from mmdense.engine.speed import ChannelsLastHook
from mmdense.registry import OPTIM_WRAPPERS


def build(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return OPTIM_WRAPPERS.build({"type": "mmdense.BFloat16OptimWrapper", "optimizer": optimizer})


def test_forward_is_bfloat16_and_weights_stay_float32():
    model = nn.Linear(4, 2)
    wrapper = build(model)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(3, 4))
        assert out.dtype == torch.bfloat16
    assert model(torch.ones(3, 4)).dtype == torch.float32
    wrapper.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    # d sum / d weight is 3 for each entry (three rows of ones); one step of 0.1 moves it by 0.3
    torch.testing.assert_close(model.weight, before - 0.3, atol=2e-3, rtol=0)


class _Runner:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(8, 2))


def test_the_layout_changes_and_the_values_do_not():
    runner = _Runner()
    image = torch.randn(2, 4, 3, 3)
    before = runner.model(image)
    ChannelsLastHook().before_run(runner)
    assert runner.model[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(runner.model(image), before)
