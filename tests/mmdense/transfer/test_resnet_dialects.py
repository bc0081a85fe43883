"""ResNets with a deep stem and pooled shortcuts compute in every host what their source does.

The reference is this file's own module with timm's names (ResNet-18d, ResNet-50d, ResNet-50c).
"""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import mmdet.models
import mmseg.models
import pytest
import timm
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.test_dialects import randomised
from tests.mmdense.transfer.transfer_cases import refused, saved

BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
WIDTH = 4


def conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)


class Block(nn.Module):
    """A residual block, of two convolutions or with a bottleneck of four times its width."""

    def __init__(self, inputs: int, width: int, stride: int, *, deep: bool, pooled: bool) -> None:
        super().__init__()
        outputs = 4 * width if deep else width
        sides = ((inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1))
        if not deep:
            sides = ((inputs, width, 3, stride), (width, width, 3, 1))
        for number, side in enumerate(sides, start=1):
            self.add_module(f"conv{number}", conv(*side))
            self.add_module(f"bn{number}", nn.BatchNorm2d(side[1]))
        self.number = len(sides)
        self.downsample = nn.Identity()
        if stride > 1 or inputs != outputs:
            pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
            parts = [pool if stride > 1 else nn.Identity()] if pooled else []
            parts.append(conv(inputs, outputs, 1, 1 if pooled else stride))
            self.downsample = nn.Sequential(*parts, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.downsample(x)
        for i in range(1, self.number + 1):
            x = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(x))
            x = F.relu(x) if i < self.number else x
        return F.relu(x + shortcut)


class TimmResNet(nn.Module):
    """With the names that timm gives to a ResNet with a deep stem."""

    def __init__(self, depth: int, *, pooled: bool) -> None:
        super().__init__()
        half = WIDTH // 2
        first = [conv(3, half, 3, 2), nn.BatchNorm2d(half), nn.ReLU()]
        second = [conv(half, half, 3), nn.BatchNorm2d(half), nn.ReLU()]
        self.conv1 = nn.Sequential(*first, *second, conv(half, WIDTH, 3))
        self.bn1 = nn.BatchNorm2d(WIDTH)
        deep, inputs = depth >= 50, WIDTH
        for stage, number in enumerate(BLOCKS[depth]):
            width, blocks = WIDTH * 2**stage, []
            for i in range(number):
                stride = 2 if stage and not i else 1
                blocks.append(Block(inputs, width, stride, deep=deep, pooled=pooled))
                inputs = 4 * width if deep else width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return x


def source(depth: int, *, pooled: bool) -> nn.Module:
    torch.manual_seed(0)
    return randomised(TimmResNet(depth, pooled=pooled))


def host(name: str, depth: int, *, pooled: bool) -> nn.Module:
    kind = f"{name}.ResNetV1{'d' if pooled else 'c'}"
    if name == "mmdet" and not pooled:
        kind = "mmdet.ResNet"  # which has no V1c by name
    sizes = {"depth": depth, "stem_channels": WIDTH, "base_channels": WIDTH, "out_indices": (3,)}
    more = {"deep_stem": True} if kind == "mmdet.ResNet" else {}
    backbone = MODELS.build({"type": kind, **sizes, **more})
    backbone.eval()
    return backbone


HOSTS = ("mmpretrain", "mmdet", "mmseg")


@torch.no_grad()
def assert_same_features(one: nn.Module, other: nn.Module) -> None:
    picture = torch.randn(1, 3, 70, 66, generator=torch.Generator().manual_seed(1))
    found = other(picture)[-1]
    expected = one(picture)
    expected = expected if isinstance(expected, Tensor) else expected[-1]
    scale = expected.square().mean().sqrt()
    assert scale > 0
    torch.testing.assert_close(found / scale, expected / scale, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("depth", [18, 50])
def test_the_features_are_those_of_the_source(tmp_path, name, depth, pooled):
    origin, target = source(depth, pooled=pooled), host(name, depth, pooled=pooled)
    path = saved(tmp_path, origin.state_dict())
    assert load_backbone(target, path).covered == 1
    assert_same_features(origin, target)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in HOSTS for b in HOSTS if a != b])
def test_hosts_fill_each_other(tmp_path, one, other):
    origin, target = (host(name, 50, pooled=True) for name in (one, other))
    randomised(origin)
    assert load_backbone(target, saved(tmp_path, origin.state_dict())).covered == 1
    assert_same_features(origin, target)


def test_a_shortcut_of_another_kind_is_refused(tmp_path):
    path = saved(tmp_path, source(50, pooled=True).state_dict())
    refused(host("mmdet", 50, pooled=False), path, "missing: layer2.0.downsample.0.weight")
    path = saved(tmp_path, source(50, pooled=False).state_dict())
    refused(host("mmdet", 50, pooled=True), path, "left over: .*layer2.0.downsample.0.weight")


def test_the_names_are_those_of_timm():
    for name, depth in (("resnet18d", 18), ("resnet50d", 50)):
        theirs = timm.create_model(name, num_classes=0).state_dict()
        assert list(theirs) == list(source(depth, pooled=True).state_dict())


assert mmdet.models and mmseg.models  # imported for what they register
