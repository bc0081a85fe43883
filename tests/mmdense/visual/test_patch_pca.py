"""Principal components of features as colours: values, and the drawn sheet."""

import numpy as np
import pytest
import torch

from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.patch_pca import patch_pca
from mmdense.visual.patch_pca_image import draw_patch_pca
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess, source
from tests.references.patch_pca_loop import patch_pca_loop


def random_maps(channels, *sizes, seed=0):
    """Channel c has a spread of its own, so that no two components are alike."""
    generator = torch.Generator().manual_seed(seed)
    spread = 2.0 ** -torch.arange(channels)[:, None, None] + 0.01
    mixing = torch.linalg.qr(torch.randn(channels, channels, generator=generator)).Q
    maps = [torch.randn(channels, *size, generator=generator) * spread for size in sizes]
    return [torch.einsum("dc,chw->dhw", mixing, one) + 5 for one in maps]


@pytest.mark.parametrize(
    ("channels", "sizes"),
    [(5, [(7, 6), (3, 4)]), (12, [(2, 3)]), (3, [(5, 5), (1, 1), (2, 9)])],
)
def test_equals_a_power_iteration(channels, sizes):
    maps = random_maps(channels, *sizes)
    found = patch_pca(maps)
    colours, shares = patch_pca_loop([one.double().numpy() for one in maps])
    assert [tuple(one.shape) for one in found.colours] == [(*size, 3) for size in sizes]
    for ours, theirs in zip(found.colours, colours):
        assert torch.allclose(ours, torch.from_numpy(theirs), atol=1e-4)
    assert torch.allclose(found.shares, torch.from_numpy(shares), atol=1e-6)


def test_a_line_is_a_ramp_of_the_first_colour():
    # Position i holds i * (3, 4): the one direction is (3, 4) / 5, of rising value since 4 > 0.
    # 1 % and 99 % of 0..4 (times 5) lie at 0.04 and 3.96; (i - 0.04) / 3.92, cut to 0..1.
    steps = torch.arange(5.0)
    found = patch_pca([torch.stack([3 * steps, 4 * steps])[:, None]])
    expected = torch.tensor([0.0, 0.96 / 3.92, 0.5, 2.96 / 3.92, 1.0], dtype=torch.float64)
    assert torch.allclose(found.colours[0][0, :, 0], expected)
    assert (found.colours[0][..., 1:] == 0.5).all()  # there is no second direction
    assert torch.allclose(found.shares, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))


def test_the_sign_follows_the_greatest_loading():
    steps = torch.arange(5.0)
    rising, falling = (
        patch_pca([torch.stack([sign * steps, 4 * steps])[:, None]]) for sign in (3, -3)
    )
    assert torch.equal(rising.colours[0], falling.colours[0])  # 4 leads in both
    turned = patch_pca([torch.stack([-5 * steps, 4 * steps])[:, None]]).colours[0]
    assert turned[0, 0, 0] == 1  # -5 leads, so the component falls with the steps


def test_scale_offset_and_order_of_the_images_do_not_count():
    maps = random_maps(6, (4, 4), (3, 5))
    first = patch_pca(maps).colours
    changed = patch_pca([7 * one - 100 for one in maps[::-1]]).colours[::-1]
    for ours, theirs in zip(first, changed):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_features_that_are_the_same_everywhere_are_grey():
    same = torch.randn(8, 1, 1, generator=torch.Generator().manual_seed(0)).expand(8, 6, 6)
    rounding = same * (1 + 1e-7 * torch.randn(8, 6, 6, generator=torch.Generator().manual_seed(1)))
    for one in (same, rounding, torch.zeros(8, 6, 6)):
        found = patch_pca([one])
        assert (found.colours[0] == 0.5).all()
        assert (found.shares == 0).all()


def test_a_single_position_that_differs_is_seen():
    one = torch.zeros(4, 20, 20)
    one[:, 3, 5] = 1
    colours = patch_pca([one]).colours[0][..., 0]
    assert colours[3, 5] == 1
    assert colours.sum() == 1


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], "at least one feature map"),
        ([torch.zeros(4, 2, 2), torch.zeros(5, 2, 2)], "map 1 is (5, 2, 2), expected [C, H, W]"),
        ([torch.zeros(4, 2)], "map 0 is (4, 2)"),
        ([torch.full((4, 2, 2), torch.nan)], "map 0 contains NaN"),
    ],
)
def test_bad_maps_are_named(maps, message):
    with pytest.raises(ValueError, match="map") as caught:
        patch_pca(maps)
    assert message in str(caught.value)


@pytest.mark.parametrize(("size", "shown"), [(40, "9 evenly spaced"), (2, "all 2 images")])
def test_pairs_and_caption(size, shown):
    drawn = draw_patch_pca(MeanColours(), Preprocess(), source(size=size))
    assert shown in drawn.caption
    assert "feature map of the backbone (MeanColours, 3 channels)" in drawn.caption
    assert "arXiv:2304.07193" in drawn.caption


def test_the_map_lies_as_its_image():
    # The middle of the cells of the map, 4 wide and 3 high, in a panel 240 wide and 180 high, that
    # begins at 14 + 240 + 6; neighbouring cells differ, a cell is one colour.
    pixels = np.asarray(draw_patch_pca(MeanColours(), Preprocess(), source()).image)
    panel = pixels[31 : 31 + 180, 260 : 260 + 240].astype(int)
    cells = panel.reshape(3, 60, 4, 60, 3).transpose(0, 2, 1, 3, 4)
    assert (np.ptp(cells, axis=(2, 3)) == 0).all()
    assert (np.abs(np.diff(cells[:, :, 0, 0], axis=1)).sum(axis=-1) > 0).all()


def test_vectors_are_not_supported():
    with pytest.raises(NothingToDraw, match="not a map"):
        draw_patch_pca(MeanColours(pooled=True), Preprocess(), source())
