"""Features of a frozen backbone: pooling, labels in order, and modules as they were."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmpretrain.models import VisionTransformer
from torch import nn

from mmdense.evaluation.features import frozen_features


class TwoStages(nn.Module):
    """The second stage is the input times two; a BatchNorm shows whether the mode was eval."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.frozen = nn.BatchNorm2d(3).eval()

    def forward(self, x):
        return self.norm(x), self.frozen(x) * 2


def sample(label):
    return SimpleNamespace(gt_label=torch.tensor([label]))


def batches(images, labels, size):
    for start in range(0, len(images), size):
        stop = start + size
        samples = [sample(label) for label in labels[start:stop]]
        yield {"inputs": images[start:stop], "data_samples": samples}


def same(batch):
    return batch


def extract_features(backbone, loader, preprocess, **options):
    found = list(frozen_features(backbone, loader, preprocess, **options))
    features, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    return features, labels


def test_the_mean_of_the_last_stage_in_order():
    images = torch.arange(5 * 3 * 4 * 6, dtype=torch.float32).reshape(5, 3, 4, 6)
    features, labels = extract_features(TwoStages(), batches(images, [4, 3, 2, 1, 0], 2), same)
    # Untrained BatchNorm in eval mode divides by sqrt(1 + 1e-5).
    expected = images.mean(dim=(2, 3)) * 2 / math.sqrt(1 + 1e-5)
    torch.testing.assert_close(features, expected)
    assert labels.tolist() == [4, 3, 2, 1, 0]
    assert (features.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert not features.requires_grad


def test_the_mode_of_every_module_comes_back():
    model = TwoStages().train()
    model.frozen.eval()
    before = {name: module.training for name, module in model.named_modules()}
    statistics = model.norm.running_mean.clone()
    extract_features(model, batches(torch.randn(4, 3, 2, 2), [0, 1, 0, 1], 2), same)
    assert {name: module.training for name, module in model.named_modules()} == before
    assert before == {"": True, "norm": True, "frozen": False}
    assert torch.equal(model.norm.running_mean, statistics)
    iterator = frozen_features(model, batches(torch.randn(4, 3, 2, 2), [0, 1, 0, 1], 2), same)
    features, labels = next(iterator)
    assert features.shape == (2, 3) and labels.tolist() == [0, 1]
    assert not model.norm.training
    iterator.close()
    assert {name: module.training for name, module in model.named_modules()} == before


def test_vectors_are_taken_as_they_are():
    class Vectors(nn.Module):
        def forward(self, x):
            return x.flatten(1)

    images = torch.randn(4, 3, 2, 2)
    features, _ = extract_features(Vectors(), batches(images, [0, 1, 2, 3], 3), same)
    assert torch.equal(features, images.flatten(1))


@pytest.mark.parametrize("class_token", [True, False])
def test_the_class_token_or_the_mean_patch_of_a_transformer(class_token):
    arch = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8)
    backbone = VisionTransformer(
        arch, img_size=8, patch_size=4, out_type="raw", with_cls_token=class_token
    )
    images = torch.randn(3, 3, 8, 8)
    features, _ = extract_features(backbone, batches(images, [0, 1, 2], 2), same)
    backbone.eval()
    with torch.no_grad():
        tokens = backbone(images)[0]
    expected = tokens[:, 0] if class_token else tokens.mean(dim=1)
    torch.testing.assert_close(features, expected)


def test_bfloat16_is_close_and_the_result_is_float32():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    images = torch.randn(6, 3, 12, 12)
    exact, _ = extract_features(model, batches(images, range(6), 4), same)
    rounded, _ = extract_features(model, batches(images, range(6), 4), same, amp=True)
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().max() < 0.02


def test_the_preprocessor_is_applied():
    def double(batch):
        return {**batch, "inputs": batch["inputs"] * 2}

    images = torch.randn(2, 3, 2, 2)
    once, _ = extract_features(nn.Identity(), batches(images, [0, 1], 2), same)
    twice, _ = extract_features(nn.Identity(), batches(images, [0, 1], 2), double)
    torch.testing.assert_close(twice, once * 2)


class Tokens(nn.Module):
    def forward(self, x):
        return (x.flatten(2),)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (SimpleNamespace(), "image number unknown has 0 labels"),
        (SimpleNamespace(gt_label=torch.tensor([1, 2])), "image number unknown has 2 labels"),
        (SimpleNamespace(gt_label=torch.tensor([0])), r"\(1, 3, 4\).*out_type"),  # the output
    ],
)
def test_bad_labels_and_an_output_that_is_neither_map_nor_vector(sample, message):
    loader = [{"inputs": torch.zeros(1, 3, 2, 2), "data_samples": [sample]}]
    backbone = Tokens() if message.endswith("out_type") else nn.Identity()
    with pytest.raises(ValueError, match=message):
        extract_features(backbone, loader, same)
