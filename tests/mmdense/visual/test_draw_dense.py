"""Images of a dense evaluation: chosen patches, discovered objects, and the folder."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmdense.evaluation.dense.images import DenseData, DenseImages
from mmdense.evaluation.dense.patches import FrozenBackbone
from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.visual.chosen_patches_image import (
    different_patches,
    draw_nearest_patches,
    draw_patch_similarity,
    most_distinct,
    nearest_patches,
)
from mmdense.visual.draw_dense import draw_dense
from mmdense.visual.drawn import CAPTIONS, NothingToDraw
from mmdense.visual.grid import GOOD, POOR
from mmdense.visual.objects_image import draw_objects
from tests.mmdense.visual.test_attention import transformer
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess
from tests.references.knn_loop import cosine


@pytest.fixture
def task(tmp_path):
    """Grey images of 40 x 80 with a yellow square at x = 16 to 32, y = 8 to 24."""
    for index in range(3):
        image = np.full((40, 80, 3), 60 + index, dtype=np.uint8)
        image[8:24, 16:32] = (30, 220, 220)  # BGR
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), image)
    return task_of(sorted(tmp_path.glob("*.png")), [[16, 8, 32, 24]])


def task_of(paths, boxes, backbone=None):
    images = DenseImages(paths, boxes=[torch.tensor(boxes).float() for _ in paths])
    data = DenseData("squares", images, images)
    module = backbone or MeanColours()
    module.register_parameter("unused", torch.nn.Parameter(torch.zeros(1)))
    return DenseTask(FrozenBackbone(module, Preprocess()), data, size=80)


def test_the_most_distinct_patch_is_farthest_from_the_mean():
    vectors = F.normalize(torch.tensor([[1.0, 0.1], [1, 0], [-1, 1], [1, -0.1]]), dim=1)
    assert most_distinct(vectors) == 2


def test_patches_of_later_images_differ_from_earlier_ones():
    # The first image has its odd patch; the others take the direction that is not there yet.
    x, y, z = torch.eye(3)
    features = torch.stack([torch.stack(one) for one in ([x, x, y], [y, x, x], [3 * y, x, z])])
    assert different_patches(features) == [2, 1, 2]


def test_nearest_patches_equal_a_loop():
    features = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0)).double()
    found = nearest_patches(features, 2, 4, 3)
    best = {}
    for image in (0, 1, 3, 4):
        pairs = [
            (cosine(features[2, 4].tolist(), one.tolist()), n)
            for n, one in enumerate(features[image])
        ]
        best[image] = max(pairs)
    expected = sorted(best, key=lambda image: -best[image][0])[:3]
    assert [image for image, _, _ in found] == expected
    for image, patch, value in found:
        assert patch == best[image][1]
        assert value == pytest.approx(best[image][0])


def test_similar_patches_are_yellow(task):
    # Headings are 31 high; a cell is 174 x 87, for patches of 8 x 4 pixels of the file. The third
    # panel has the most distinct patch, of the yellow square, and the fourth its similarity.
    drawn = draw_patch_similarity(task)
    pixels = np.asarray(drawn.image).astype(int)
    left, scale = 14 + 3 * 180, 174 / 80
    panel = pixels[31 : 31 + 87, left : left + 174]
    inside = panel[round(20 * scale), round(28 * scale)]
    outside = panel[round(36 * scale), round(60 * scale)]
    assert inside[0] - inside[2] > 60
    assert outside[0] - outside[2] < 0
    assert "3 of 3 test images" in drawn.caption


def test_neighbours_need_two_images(task):
    drawn = draw_nearest_patches(task)
    assert "3 of 3 test images" in drawn.caption
    with pytest.raises(NothingToDraw, match="at least two images"):
        draw_nearest_patches(task_of(task.data.test.paths[:1], [[0, 0, 1, 1]]))


@pytest.mark.parametrize(
    ("boxes", "words", "colour", "other"),
    [
        ([[16, 8, 32, 24]], "of 3 images 3 by", GOOD, POOR),
        ([[0, 0, 9, 9]], "of 3 images 0 by", POOR, GOOD),
    ],
)
def test_objects_with_boxes(task, boxes, words, colour, other):
    drawn = draw_objects(task_of(task.data.test.paths, boxes))
    assert words in drawn.caption
    pixels = np.asarray(drawn.image).reshape(-1, 3)
    assert (pixels == colour).all(axis=1).sum() > 100
    assert not (pixels == other).all(axis=1).any()
    assert (pixels == (255, 221, 51)).all(axis=1).any() or colour == GOOD


def test_objects_without_boxes(task):
    images = DenseImages(task.data.test.paths)
    drawn = draw_objects(DenseTask(task.frozen, DenseData("squares", images, images), size=80))
    assert "annotated" not in drawn.caption
    assert "keys" not in drawn.caption


def test_all_images_of_a_transformer(task, tmp_path):
    backbone = transformer(2)
    backbone.train()
    done = draw_dense(task_of(task.data.test.paths, [[0, 0, 9, 9]], backbone), tmp_path / "out")
    assert not done.left_out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {CAPTIONS, *done.captions}
    assert len(done.captions) == 5
    assert json.loads((tmp_path / "out" / CAPTIONS).read_text()) == done.captions
    assert backbone.training


def test_a_backbone_without_attention_has_the_other_images(task, tmp_path):
    done = draw_dense(task, tmp_path / "out")
    assert list(done.left_out) == ["attention.png"]
    assert len(done.captions) == 4
