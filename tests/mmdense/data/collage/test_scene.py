import numpy as np
import pytest

from mmdense.data.collage.scene import (
    IGNORE,
    LEAST_PIXELS,
    draw_portrait,
    draw_scene,
)
from mmdense.data.collage.shapes import CLASSES
from mmdense.data.collage.split import SPLITS, SplitSampler

H, W = 96, 128


def scene_of(index, split="train", most=30):
    sampler = SplitSampler(np.random.default_rng([7, index]), split)
    return draw_scene(sampler, height=H, width=W, most=most)


@pytest.fixture(scope="module")
def scenes():
    return [scene_of(index) for index in range(150)]


def test_every_kind_of_image_occurs(scenes):
    single = [[item for item in scene.objects if not item.crowd] for scene in scenes]
    counts = [len(items) for items in single]
    assert min(counts) == 0
    assert 20 <= max(counts) <= 30
    assert 5 <= sum(item.crowd for scene in scenes for item in scene.objects) <= 30
    sides = [max(np.ptp(np.nonzero(item.mask), axis=1)) + 1 for items in single for item in items]
    assert min(sides) <= 9
    assert max(sides) >= 0.9 * W
    assert {item.label for items in single for item in items} == set(range(10))


def test_masks_are_disjoint_and_have_the_minimum_area(scenes):
    for scene in scenes:
        assert scene.image.shape == (H, W, 3)
        assert scene.image.dtype == np.uint8
        for item in scene.objects:
            assert item.mask.shape == (H, W)
            assert item.mask.sum() >= LEAST_PIXELS
        assert not any(item.crowd for item in scene.objects[:-1])  # at most one, the last
        if scene.objects:
            assert np.sum([item.mask for item in scene.objects], axis=0).max() == 1


def test_semantic_map_agrees_with_the_masks(scenes):
    for scene in scenes:
        expected = np.zeros((H, W), np.uint8)
        for item in scene.objects:
            expected[item.mask] = IGNORE if item.crowd else item.label + 1
        certain = scene.semantic != IGNORE
        np.testing.assert_array_equal(scene.semantic[certain], expected[certain])
        assert (scene.semantic[expected == IGNORE] == IGNORE).all()


def test_ignored_pixels_are_a_thin_line(scenes):
    """Without crowds, only pixels next to a border between two labels are ignored."""
    for scene in scenes:
        if any(item.crowd for item in scene.objects):
            continue
        labels = np.zeros((H, W), int)
        for number, item in enumerate(scene.objects, 1):
            labels[item.mask] = number
        padded = np.pad(labels, 1, mode="edge")
        border = np.zeros((H, W), bool)
        for dy in range(3):
            for dx in range(3):
                border |= padded[dy : dy + H, dx : dx + W] != labels
        ignored = scene.semantic == IGNORE
        # The rest are thin tips, which have only mixed pixels and no mask.
        assert (ignored & ~border).sum() <= 0.02 * H * W


def test_objects_are_visible_in_the_image(scenes):
    """The image has edges where the masks end."""
    stronger = []
    for scene in scenes[:60]:
        grey = scene.image.astype(float).mean(axis=2)
        step = np.abs(np.diff(grey, axis=1))
        for item in scene.objects:
            across = item.mask[:, 1:] != item.mask[:, :-1]
            if not item.crowd and across.any():
                stronger.append(step[across].mean() > step[~across].mean())
    assert np.mean(stronger) > 0.85


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_portraits(split, label):
    sampler = SplitSampler(np.random.default_rng(label), split)
    image = draw_portrait(sampler, label, side=48)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8
    assert image.std() > 5
