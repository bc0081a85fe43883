"""Correspondence under warps: the loop, hand cases, the warp of an image, and bad input."""

import pytest
import torch

from mmdense.evaluation.dense.protocols.correspondence import (
    Matches,
    Warps,
    apply_warps,
    match_patches,
    patch_centres,
    random_warps,
    warp_images,
)
from tests.references.correspondence_loop import match_loop

NONE = Warps(rotation=0, scale=0, shear=0, shift=0, perspective=0)


@pytest.mark.parametrize("grid", [(1, 1), (2, 5), (4, 3)])
def test_equals_the_loop(grid):
    generator = torch.Generator().manual_seed(0)
    shape = 3, grid[0] * grid[1], 4
    features, warped = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    warps = random_warps(range(3), Warps(), seed=0)
    found = match_patches(features, warped, warps, grid)
    for image in range(3):
        expected = match_loop(*(one[image].tolist() for one in (features, warped, warps)), grid)
        distances, visible = zip(*expected)
        torch.testing.assert_close(found.distances[image], torch.tensor(distances).double())
        assert found.visible[image].tolist() == list(visible)


def test_images_in_chunks(monkeypatch):
    features, warped = torch.randn(2, 5, 12, 4, generator=torch.Generator().manual_seed(0))
    warps = random_warps(range(5), Warps(), seed=0)
    whole = match_patches(features, warped, warps, (3, 4))
    monkeypatch.setattr("mmdense.evaluation.dense.protocols.correspondence._SIMILARITIES", 2 * 144)
    assert all(map(torch.equal, whole, match_patches(features, warped, warps, (3, 4))))


def test_hand_case():
    # Two patches side by side, at x = -1/2 and 1/2. A shift by 1 (half the image) moves the left
    # one to x = 1/2 and the right one out of the image. Its match, the right patch, is exact.
    shift = torch.eye(3, dtype=torch.float64)[None].clone()
    shift[0, 0, 2] = 1
    features, warped = torch.tensor([[[1.0, 0], [0, 1]]]), torch.tensor([[[0.0, 1], [1, 0]]])
    found = match_patches(features, warped, shift, (1, 2))
    assert found.visible.tolist() == [[True, False]]
    assert found.distances[0, 0] == 0
    assert found.correct(0.05).tolist() == [1]
    # With the features of both in the other order, the match is half a side away.
    found = match_patches(features, warped.flip(1), shift, (1, 2))
    assert found.distances[0, 0] == 0.5
    assert found.correct(0.5).tolist() == [1]
    assert found.correct(0.4).tolist() == [0]


def test_same_images_match_themselves():
    features = torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0))
    found = match_patches(features, features * 3, random_warps([0, 1], NONE, seed=0), (3, 4))
    assert found.visible.all()
    assert found.correct(0).tolist() == [12, 12]


@pytest.mark.parametrize("limits", [Warps(), Warps(perspective=0.45)])
def test_a_warped_image_shows_each_point_at_its_true_place(limits):
    # An image of its own coordinates: the warped image at the place of a point has the point.
    size = 80
    points = patch_centres((size, size))
    image = points.T.reshape(1, 2, size, size)
    warps = random_warps([3], limits, seed=1)
    warped = warp_images(image, warps)
    inner = torch.tensor([[0.0, 0.0], [0.3, -0.2], [-0.4, 0.4], [0.1, 0.5]]).double()
    places = apply_warps(warps, inner)  # [1, 4, 2]
    visible = (places.abs() < 0.98).all(dim=2)[0]
    assert visible.sum() >= 3
    read = torch.nn.functional.grid_sample(warped, places[:, None], align_corners=False)[0, :, 0].T
    torch.testing.assert_close(read[visible], inner[visible], atol=2e-3, rtol=0)


def test_warps_depend_on_place_and_seed_alone():
    together = random_warps([4, 7], Warps(), seed=5)
    assert torch.equal(together[1], random_warps([7], Warps(), seed=5)[0])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together[1], random_warps([7], Warps(), seed=6)[0])


def test_each_limit_changes_the_warp():
    identity = torch.eye(3, dtype=torch.float64)
    assert torch.equal(random_warps([0], NONE, seed=0)[0], identity)
    for name in ("rotation", "scale", "shear", "shift", "perspective"):
        limits = Warps(**{**vars(NONE), name: 0.3})
        assert not torch.equal(random_warps([0], limits, seed=0)[0], identity)


def test_an_empty_warp_has_no_patch():
    found = Matches(torch.zeros(1, 3), torch.zeros(1, 3, dtype=torch.bool))
    assert found.correct(1.0).tolist() == [0]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.ones(1, 5, 2), "must both be"),
        (torch.full((1, 6, 2), torch.inf), "NaN or infinity"),
    ],
)
def test_bad_input(features, message):
    warps = random_warps([0], Warps(), seed=0)
    with pytest.raises(ValueError, match=message):
        match_patches(features, features, warps, (2, 3))
