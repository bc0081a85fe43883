import torch
from torch import nn

from mmdense.engine.channels_last import ChannelsLastHook


class _Runner:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(8, 2))


def test_the_layout_changes_and_the_values_do_not():
    runner = _Runner()
    image = torch.randn(2, 4, 3, 3)
    before = runner.model(image)
    ChannelsLastHook().before_run(runner)
    assert runner.model[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(runner.model(image), before)
