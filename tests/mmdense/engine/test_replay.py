import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader

from mmdense.engine.non_finite import NonFiniteError, NonFiniteHook
from mmdense.engine.replay import _element_classes, replay

CONFIG = {
    "model": {
        "type": "mmpretrain.ImageClassifier",
        "backbone": {"type": "mmpretrain.LeNet5", "num_classes": 3},
        "neck": None,
        "head": {"type": "mmpretrain.ClsHead", "loss": {"type": "mmpretrain.CrossEntropyLoss"}},
        "data_preprocessor": {"type": "mmpretrain.ClsDataPreprocessor", "num_classes": 3},
    },
    "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1}},
}


def stop(tmp_path, images, spoil=lambda model: None):
    """The file that a run on these images leaves."""
    samples = [{"inputs": image, "data_samples": DataSample().set_gt_label(1)} for image in images]
    runner = Runner(
        **CONFIG,
        work_dir=str(tmp_path),
        train_dataloader=DataLoader(
            samples,
            batch_size=2,
            collate_fn=lambda batch: {key: [s[key] for s in batch] for key in batch[0]},
        ),
        train_cfg={"type": "mmdense.EpochBasedTrainLoop", "max_epochs": 1},
        custom_hooks=[NonFiniteHook()],
        cfg=Config(CONFIG),
        experiment_name=tmp_path.name,
        default_scope="mmengine",
    )
    spoil(runner.model)
    with pytest.raises(NonFiniteError):
        runner.train()
    (path,) = (tmp_path / "non_finite").iterdir()
    return path


def test_a_bad_input_is_named(tmp_path):
    images = torch.rand(4, 1, 32, 32)
    images[3, 0, 5, 5] = float("inf")
    path = stop(tmp_path, images)
    assert path.name == "iter_1_rank_0.pth"  # of two steps the second
    found = replay(path)
    assert found.inputs == ["inputs.1"]
    assert found.module == "data_preprocessor (ClsDataPreprocessor)"
    assert found.weights == []


def test_a_weight_that_is_not_finite_is_named_with_its_module(tmp_path):
    def spoil(model):
        model.backbone.classifier[0].bias.data[2] = float("nan")

    found = replay(stop(tmp_path, torch.rand(2, 1, 32, 32), spoil))
    assert found.inputs == []
    assert found.weights == ["backbone.classifier.0.bias"]
    assert found.module == "backbone.classifier.0 (Linear)"


def test_a_finite_loss_with_a_bad_gradient_is_traced_to_its_function(tmp_path, monkeypatch):
    from mmpretrain.models.backbones import LeNet5

    forward = LeNet5.forward

    def with_root(self, x):
        (out,) = forward(self, x)
        return (out + (out - out.detach()).abs().sqrt(),)  # the root of 0 has no gradient

    monkeypatch.setattr(LeNet5, "forward", with_root)
    found = replay(stop(tmp_path, torch.rand(2, 1, 32, 32)))
    assert found.module is None
    assert "SqrtBackward0" in found.backward or "AbsBackward0" in found.backward


def test_a_file_without_a_step_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a.pth is no step .* keys: \['state_dict'\]"):
        replay(tmp_path / "a.pth")


def test_annotations_of_upstream_are_known():
    names = {kind.__name__ for kind in _element_classes()}
    assert {"DataSample", "DetDataSample", "SegDataSample", "InstanceData"} < names
