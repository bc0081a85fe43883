"""2,500 draws have the same distributions as MMPretrain's per-image transforms.

The distributions are measured in the pixels of the views: an image of coordinates shows the crop,
an image of one colour the colour changes, and an image of an edge the blur.
"""

import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import math

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from scipy.stats import ks_2samp, wasserstein_distance

from mmdense.data.views.parameters import ViewDistribution, sample_crops
from mmdense.data.views.random_view import random_view

DRAWS = 2_500
NOTHING = dict(
    crop_scale=(1, 1), crop_ratio=(1, 1), flip_prob=0, jitter_prob=0, gray_prob=0, blur_prob=0
)


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(0)
    torch.manual_seed(0)


def ours(image, size, **distribution):
    """Return [2500, 3, h, w], 0 to 255; in batches, since a batch has one order of changes."""
    batch = torch.from_numpy(image).permute(2, 0, 1).expand(50, 3, *image.shape[:2])
    view = ViewDistribution(size=size, **{**NOTHING, **distribution})
    return torch.cat([random_view(batch, view) for _ in range(DRAWS // 50)]).mul(255).numpy()


def theirs(image, *steps):
    """Return the same from MMPretrain's transforms."""
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        pipeline = Compose(list(steps))
        views = [
            pipeline(dict(img=image.copy(), img_shape=image.shape[:2]))["img"] for _ in range(DRAWS)
        ]
    return np.stack(views).transpose(0, 3, 1, 2).astype(np.float32)


def assert_same_distribution(ours, theirs, distance=0.05):
    """Two samples of 2,500 draws from one distribution differ by 0.05 in 1 of 250 cases."""
    assert ks_2samp(ours, theirs).statistic < distance


def test_places_sizes_and_flips_of_crops():
    rows, columns = np.mgrid[0:60, 0:80]
    image = np.stack([3 * columns, 4 * rows, 0 * rows], axis=2).astype(np.uint8)
    upstream = [
        dict(type="RandomResizedCrop", scale=16, crop_ratio_range=(0.2, 1.0)),
        dict(type="RandomFlip", prob=0.5),
    ]
    pair = (
        ours(image, (16, 16), crop_scale=(0.2, 1.0), crop_ratio=(3 / 4, 4 / 3), flip_prob=0.5),
        theirs(image, *upstream),
    )

    def widths_and_heights(views):
        """Return crops in pixels, with negative width if flipped; ramps of 3 and 4 per pixel."""
        wide = (views[:, 0, :, 12] - views[:, 0, :, 3]).mean(1) / 9 * 16 / 3
        high = (views[:, 1, 12] - views[:, 1, 3]).mean(1) / 9 * 16 / 4
        return wide.round(), high.round()

    for mine, other in zip(*map(widths_and_heights, pair), strict=True):
        assert_same_distribution(mine, other)
    for channel, slope in ((0, 3), (1, 4)):  # the middle, in half pixels
        assert_same_distribution(
            *((views[:, channel].mean((1, 2)) / slope * 2).round() for views in pair)
        )


@pytest.mark.parametrize(
    ("strengths", "levels"),
    [
        (dict(brightness=0.4, contrast=0.4, saturation=0.4), 3),
        (dict(hue=0.1), 3),
        (dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1), 4),
    ],
)
def test_colours(strengths, levels):
    # MMPretrain truncates after each step, half a level on average, and has a hue of 8 bits. 2,500
    # draws differ by one level by chance. A strength of 0.5 would make ten levels.
    strengths = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0) | strengths
    image = np.full((2, 2, 3), (200, 120, 40), dtype=np.uint8)
    upstream = dict(
        type="RandomApply", transforms=[dict(type="ColorJitter", **strengths)], prob=0.8
    )
    mine = ours(image, (2, 2), jitter_prob=0.8, **strengths)[:, :, 0, 0].round()
    other = theirs(image[..., ::-1], upstream)[:, ::-1, 0, 0]
    for channel in range(3):
        assert wasserstein_distance(mine[:, channel], other[:, channel]) < levels
    kept = [(colours == (200, 120, 40)).all(axis=1).mean() for colours in (mine, other)]
    assert kept[0] == pytest.approx(kept[1], abs=0.04)


def test_grays():
    image = np.full((2, 2, 3), (200, 120, 40), dtype=np.uint8)
    weights = (0.114, 0.587, 0.2989)  # BGR, as in MMPretrain's configs
    upstream = dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=weights)
    mine = ours(image, (2, 2), gray_prob=0.2)[:, :, 0, 0]
    other = theirs(image[..., ::-1], upstream)[:, ::-1, 0, 0]
    gray = [np.ptp(colours, axis=1) < 0.01 for colours in (mine, other)]
    assert gray[0].mean() == pytest.approx(gray[1].mean(), abs=0.04)
    assert mine[gray[0]].mean() == pytest.approx(other[gray[1]].mean(), abs=1)


def test_blurs():
    image = np.zeros((33, 33, 3), dtype=np.uint8)
    image[:, 17:] = 255
    upstream = dict(type="GaussianBlur", magnitude_range=(0.1, 2.0), magnitude_std="inf", prob=0.5)

    def spread(views):
        rise = np.diff(views[:, 0, 16] / 255, axis=1)
        places = np.arange(32)
        middle = (rise * places).sum(1)
        return np.sqrt(((places - middle[:, None]) ** 2 * rise).sum(1).clip(0))

    pair = spread(ours(image, (33, 33), blur_prob=0.5)), spread(theirs(image, upstream))
    wide = [widths[widths > 0.6] for widths in pair]  # smaller widths are not measurable in bytes
    for widths in wide:
        assert len(widths) / DRAWS == pytest.approx(0.5 * (2 - 0.6) / (2 - 0.1), abs=0.04)
    assert_same_distribution(*wide, distance=0.1)


def test_crops_are_inside_and_follow_scale_and_ratio():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([[90, 120]]).expand(20_000, 2)
    crops = sample_crops(sizes, scale=(0.2, 0.5), ratio=(0.75, 4 / 3), generator=generator)
    top, left, height, width = crops.unbind(1)
    assert (crops[:, :2] >= 0).all()
    assert (top + height <= 90).all()
    assert (left + width <= 120).all()
    share = (height * width) / (90 * 120)
    assert 0.19 < share.min() < 0.21
    assert 0.49 < share.max() < 0.51
    assert share.mean() == pytest.approx(0.35, abs=0.005)  # uniform in area
    ratio = (width / height).log()
    assert ratio.mean().abs() < 0.01  # uniform in the logarithm
    assert ratio.max() < math.log(4 / 3) + 0.03
    assert (top == 0).any()
    assert (top + height == 90).any()


def test_a_crop_that_never_fits_is_the_central_one():
    # 10 x 100: the largest crop with a ratio of at most 4/3 is 10 x 13, at (100 - 13) // 2.
    sizes = torch.tensor([[10, 100], [100, 10], [10, 100]])
    crops = sample_crops(sizes, scale=(0.9, 1.0), ratio=(0.75, 4 / 3))
    assert crops.tolist() == [[0, 43, 10, 13], [43, 0, 13, 10], [0, 43, 10, 13]]
