import pytest
import torch
from mmpretrain.models import ResNet
from torch import nn

from mmdense.transfer.backbone import LoadBackboneHook, load_backbone


def small_resnet(width: int = 8) -> ResNet:
    return ResNet(depth=18, stem_channels=width, base_channels=width)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "epoch_1.pth"
    source = small_resnet()
    state = {f"backbone.{key}": value for key, value in source.state_dict().items()}
    torch.save({"state_dict": {**state, "neck.weight": torch.ones(2)}, "meta": {}}, path)
    return path, source


def test_every_tensor_arrives(checkpoint):
    path, source = checkpoint
    target = small_resnet()
    report = load_backbone(target, path)
    assert report.tensors == len(source.state_dict())
    assert report.left == []
    for key, value in target.state_dict().items():
        assert torch.equal(value, source.state_dict()[key]), key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("backbone.layer1.0.conv1.weight"), "missing: layer1.0.conv1"),
        (lambda state: state.update({"backbone.conv1.weight": torch.ones(1)}), "of another shape"),
        (lambda state: [state.pop(k) for k in list(state) if "backbone" in k], "starts with 'back"),
    ],
)
def test_what_does_not_fit_ends_the_load_and_changes_nothing(checkpoint, change, message):
    path, _ = checkpoint
    content = torch.load(path)
    change(content["state_dict"])
    torch.save(content, path)
    target = small_resnet()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_backbone(target, path)
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())


def test_another_width_is_refused(checkpoint):
    path, _ = checkpoint
    with pytest.raises(ValueError, match="of another shape.*Build the backbone with the depth"):
        load_backbone(small_resnet(width=4), path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth"):
        load_backbone(nn.Linear(1, 1), tmp_path / "nothing.pth")
    with pytest.raises(FileNotFoundError, match=r"--init .*nothing.pth"):
        LoadBackboneHook(str(tmp_path / "nothing.pth"))


def test_a_file_without_tensors_is_named(tmp_path):
    torch.save({"meta": {"epoch": 1}}, tmp_path / "empty.pth")
    with pytest.raises(ValueError, match="holds no tensors"):
        load_backbone(nn.Linear(1, 1), tmp_path / "empty.pth")


class _Runner:
    def __init__(self, model, iteration):
        self.model = model
        self.iter = iteration


@pytest.mark.parametrize(("iteration", "loads"), [(0, True), (7, False)])
def test_the_hook_loads_at_the_start_but_not_after_a_resume(checkpoint, iteration, loads):
    path, source = checkpoint
    model = nn.Module()
    model.backbone = small_resnet()
    LoadBackboneHook(str(path)).before_train(_Runner(model, iteration))
    same = torch.equal(model.backbone.conv1.weight, source.conv1.weight)
    assert same == loads
