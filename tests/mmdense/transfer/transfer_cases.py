"""Small files and what must happen to them, for the tests of the transfer."""

import pytest
import torch
from mmpretrain.models import ResNet

from mmdense.transfer.backbone import load_backbone


def small_resnet(width: int = 8, depth: int = 18, **more) -> ResNet:
    return ResNet(depth=depth, stem_channels=width, base_channels=width, **more)


def saved(tmp_path, content):
    torch.save(content, tmp_path / "file.pth")
    return tmp_path / "file.pth"


def refused(backbone, path, message, **options):
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        load_backbone(backbone, path, **options)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    return str(caught.value)
