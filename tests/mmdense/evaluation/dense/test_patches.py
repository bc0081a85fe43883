"""Patch features of any backbone, labels of patches, mean IoU, and reading of data sets."""

import json
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from PIL import Image

from mmdense.config.usage_error import UsageError
from mmdense.evaluation.dense.data_folders import open_data
from mmdense.evaluation.dense.images import DenseImages
from mmdense.evaluation.dense.mean_iou import confusion, mean_iou
from mmdense.evaluation.dense.patch_labels import VOID, majority, patch_counts, to_shares
from mmdense.evaluation.dense.patches import frozen_backbone, patch_features
from mmdense.evaluation.dense.protocol import identifier

NORMALISE = dict(mean=[100.0, 110.0, 120.0], std=[50.0, 60.0, 70.0], to_rgb=True)
VIT = dict(
    type="mmpretrain.VisionTransformer",
    arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
    img_size=32,
    patch_size=8,
)
RESNET = dict(type="mmpretrain.ResNet", depth=18, stem_channels=8, base_channels=8)


@dataclass(frozen=True)
class Settings:
    memory: int
    temperature: float = 0.02
    ks: tuple[int, ...] = (1, 3)
    soft: bool = True
    wrapped: bool = False


def config(backbone):
    model = dict(type="ImageClassifier", backbone=backbone, data_preprocessor=NORMALISE)
    return Config(dict(default_scope="mmpretrain", model=model))


@pytest.fixture
def images(tmp_path):
    noise = np.random.default_rng(0)
    for index in range(3):
        pixels = noise.integers(0, 255, (50, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    return DenseImages(sorted(tmp_path.glob("*.png")))


@pytest.mark.parametrize("out_type", ["raw", "featmap", "cls_token", "avg_featmap"])
def test_a_transformer_gives_the_same_patches_whatever_its_output(images, out_type):
    torch.manual_seed(0)
    frozen, _ = frozen_backbone(config(dict(VIT, out_type=out_type)), None)
    found = patch_features(frozen, images, size=48, batch_size=2)
    assert found.grid == (6, 6)
    assert found.features.shape == (3, 36, 8)
    assert frozen.module.out_type == out_type
    pixels = cv2.resize(cv2.imread(str(images.paths[2])), (48, 48), interpolation=cv2.INTER_AREA)
    rgb = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(NORMALISE[key])[:, None, None] for key in ("mean", "std"))
    frozen.module.out_type = "featmap"
    frozen.module.eval()
    with torch.no_grad():
        expected = frozen.module((rgb - mean) / std)[-1].flatten(2).mT  # [1, N, D]
    torch.testing.assert_close(found.features[2:], expected)


def test_a_resnet_gives_its_last_map(images):
    frozen, _ = frozen_backbone(config(RESNET), None)
    found = patch_features(frozen, images, size=64)
    assert found.grid == (2, 2)
    assert found.features.shape == (3, 4, 64)


def test_bad_sizes_and_weights_are_refused(images):
    frozen, _ = frozen_backbone(config(VIT), None)
    with pytest.raises(ValueError, match="6 x 6 patches for images of 44 x 44"):
        patch_features(frozen, images, size=44)
    frozen.module.patch_embed.projection.weight.data[0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        patch_features(frozen, images, size=32)
    with pytest.raises(ValueError, match="no model.backbone"):
        frozen_backbone(Config(dict(default_scope="mmpretrain")), None)


@pytest.mark.parametrize(("grid", "size"), [((1, 1), (3, 5)), ((2, 3), (4, 9)), ((4, 2), (8, 2))])
def test_labelled_pixels_of_patches_are_counted(grid, size):
    torch.manual_seed(1)
    maps = torch.randint(4, (2, *size), dtype=torch.uint8)
    maps[torch.rand(maps.shape) < 0.3] = VOID
    maps[0, : size[0] // grid[0], : size[1] // grid[1]] = VOID  # the first patch
    counts = patch_counts(maps, grid, num_classes=4)
    high, wide = size[0] // grid[0], size[1] // grid[1]
    for image in range(2):
        for row in range(grid[0]):
            for column in range(grid[1]):
                here = maps[
                    image, row * high : (row + 1) * high, column * wide : (column + 1) * wide
                ]
                pixels = here[here != VOID].tolist()
                patch = image, row * grid[1] + column
                assert counts[patch].tolist() == [pixels.count(c) for c in range(4)]
                shares = [pixels.count(c) / max(len(pixels), 1) for c in range(4)]
                assert to_shares(counts)[patch].tolist() == pytest.approx(shares)
    assert majority(counts)[0, 0] == VOID


def test_the_lower_class_wins_a_tie():
    counts = patch_counts(torch.tensor([[[2, 2, 1, 1], [0, VOID, 3, 3]]]), (2, 1), num_classes=4)
    assert majority(counts).tolist() == [[1, 3]]
    with pytest.raises(ValueError, match="class 7"):
        patch_counts(torch.tensor([[[7]]]), (1, 1), num_classes=4)
    with pytest.raises(ValueError, match="do not tile"):
        patch_counts(torch.zeros(1, 4, 5), (2, 2), num_classes=4)


def test_mean_iou_is_that_of_mmseg():
    torch.manual_seed(2)
    predicted, labels = torch.randint(5, (2, 20, 30)), torch.randint(4, (2, 20, 30))
    labels[torch.rand(labels.shape) < 0.2] = VOID
    matrix = confusion(predicted, labels, num_classes=6)  # class 5 does not occur
    parts = [
        IoUMetric.intersect_and_union(one, label, 6, VOID)
        for one, label in zip(predicted, labels, strict=True)
    ]
    totals = [sum(part) for part in zip(*parts, strict=True)]
    metrics = IoUMetric.total_area_to_metrics(*totals, metrics=["mIoU"])
    assert mean_iou(matrix) == pytest.approx(100 * np.nanmean(metrics["IoU"]))
    assert np.isnan(mean_iou(torch.zeros(3, 3, dtype=torch.long)))


def test_a_hand_case_of_mean_iou():
    # True 0: 3 pixels, 2 hit. True 1: 1 pixel, hit. One 0 became 1: IoU 2/3 and 1/2.
    matrix = confusion(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1]), num_classes=2)
    assert matrix.tolist() == [[2, 1], [0, 1]]
    assert mean_iou(matrix) == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_the_identifier_has_all_settings():
    assert (
        identifier("patch_knn", Settings(memory=10240), size=448)
        == "patch_knn(memory=10240,temperature=0.02,ks=1+3,soft,not_wrapped,size=448)"
    )


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_a_folder_with_label_maps(tmp_path):
    for split, high in (("train", 6), ("val", 2)):
        labels = np.full((8, 10), VOID, np.uint8)
        labels[0, 0] = high
        save(tmp_path / "images" / split / "a.png", np.zeros((8, 10, 3), np.uint8))
        save(tmp_path / "annotations" / split / "a.png", labels)
    data = open_data(str(tmp_path))
    assert len(data.classes) == 7
    assert data.test.label_map(0)[0, 0] == 2
    assert data.train.square_map(0, 16).shape == (16, 16)
    (tmp_path / "annotations" / "val" / "a.png").unlink()
    with pytest.raises(UsageError, match=r"annotations/val/a\.png"):
        open_data(str(tmp_path))


def test_a_folder_of_images_and_no_folder(tmp_path):
    with pytest.raises(UsageError, match="no images"):
        open_data(str(tmp_path))
    save(tmp_path / "sub" / "b.png", np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    data = open_data(str(tmp_path))
    assert [path.name for path in data.train.paths] == ["a.png", "b.png"]
    assert data.train == data.test
    with pytest.raises(UsageError, match="prepare_data camvid"):
        open_data("camvid", root=tmp_path)


def test_boxes_of_bccd(tmp_path):
    for split in ("train", "val"):
        save(tmp_path / "bccd" / "images" / split / "a.png", np.zeros((40, 60, 3), np.uint8))
        coco = {
            "images": [{"id": 7, "file_name": "a.png"}],
            "annotations": [{"image_id": 7, "bbox": [1, 2, 10, 20]}],
        }
        file = tmp_path / "bccd" / "annotations" / f"{split}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(coco))
    assert open_data("bccd", root=tmp_path).test.boxes[0].tolist() == [[1, 2, 11, 22]]


def test_a_masked_image_model_gives_the_patches_of_the_whole_image(images):
    mae = dict(VIT, type="mmpretrain.MAEViT")
    frozen, _ = frozen_backbone(config(mae), None)
    found = patch_features(frozen, images, size=32)
    assert found.features.shape == (3, 16, 8)
    torch.testing.assert_close(patch_features(frozen, images, size=32), found)
