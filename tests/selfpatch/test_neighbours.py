"""The neighbours of patches, on grids of all kinds, against loops."""

import pytest
import torch

from projects.selfpatch.class_attention import ClassAttentionPool
from projects.selfpatch.neighbours import neighbours_of, top_neighbours
from projects.selfpatch.patch_loss import mean_neighbour
from tests.references import neighbours_loop

GRIDS = [((3, 3), 3), ((5, 7), 3), ((1, 6), 3), ((6, 5), 5), ((2, 2), 3)]


def patches(grid, images=2, channels=8):
    generator = torch.Generator().manual_seed(grid[0])
    return torch.randn(images, grid[0] * grid[1], channels, generator=generator)


def strong_pool():
    """A pool whose weights are large enough for the patches to matter."""
    torch.manual_seed(0)
    pool = ClassAttentionPool(channels=8, heads=2)
    torch.nn.init.normal_(pool.token)
    return pool


@pytest.mark.parametrize(("grid", "window"), GRIDS)
@pytest.mark.parametrize("wrap", [False, True])
def test_the_most_similar_neighbours_equal_a_loop(grid, window, wrap):
    if wrap and min(grid) < window:
        with pytest.raises(ValueError, match="would be its own neighbour"):
            neighbours_of(grid, window=window, wrap=wrap)
        return
    tokens = patches(grid)
    for k in (1, 4, window**2 - 1):
        index, exists = top_neighbours(tokens, grid, k=k, window=window, wrap=wrap)
        for image in range(2):
            for place in range(grid[0] * grid[1]):
                found = index[image, place][exists[image, place]].tolist()
                assert found == neighbours_loop.most_similar(
                    tokens[image], grid, place, k, window, wrap
                )


def test_corners_have_three_neighbours_edges_five_and_others_eight():
    _, exists = neighbours_of((4, 5))
    counts = exists.sum(dim=1).view(4, 5)
    assert counts[0, 0] == counts[3, 4] == 3
    assert counts[0, 2] == counts[2, 0] == 5
    assert counts[1, 1] == 8
    index, _ = neighbours_of((4, 5), wrap=True)
    # The corner (0, 0) of 4 rows and 5 columns: rows 3, 0, 1 and columns 4, 0, 1.
    assert index[0].tolist() == [19, 15, 16, 4, 1, 9, 5, 6]


@pytest.mark.parametrize("k", [1, 4, 8])
def test_the_pool_collects_the_neighbours_of_each_patch_alone(k):
    grid, pool, tokens = (3, 4), strong_pool(), patches((3, 4))
    index, exists = top_neighbours(tokens, grid, k=k)
    found = pool.on_neighbours(tokens, index, exists)
    mean = mean_neighbour(tokens, index, exists)
    order = torch.randperm(k)
    shuffled = pool.on_neighbours(tokens, index[..., order], exists[..., order])
    assert torch.allclose(found, shuffled, atol=1e-5)
    for image in range(2):
        for place in range(12):
            chosen = index[image, place][exists[image, place]]
            wanted = neighbours_loop.pooled(pool, tokens[image], chosen)
            assert torch.allclose(found[image, place], wanted, atol=1e-5)
            assert torch.allclose(mean[image, place], tokens[image, chosen].mean(dim=0), atol=1e-6)


def test_a_patch_only_chooses_its_neighbours():
    # With all eight neighbours nothing is chosen, so the value of a patch cannot matter to it.
    pool, tokens = strong_pool(), patches((3, 3), images=1)
    changed = tokens.clone()
    changed[0, 4] = -5 * changed[0, 4]
    found = [pool.on_neighbours(t, *top_neighbours(t, (3, 3), k=8)) for t in (tokens, changed)]
    assert torch.allclose(found[0][0, 4], found[1][0, 4], atol=1e-6)
    assert not torch.allclose(found[0][0, 0], found[1][0, 0], atol=1e-3)


def test_bad_grids_and_numbers():
    with pytest.raises(ValueError, match="k=9 must be 1 to 8"):
        top_neighbours(patches((3, 3)), (3, 3), k=9)
    with pytest.raises(ValueError, match="one patch has no neighbours"):
        top_neighbours(patches((1, 1)), (1, 1), k=1)
    with pytest.raises(ValueError, match="9 patches do not form a grid of 3 x 4"):
        top_neighbours(patches((3, 3)), (3, 4), k=1)
    with pytest.raises(ValueError, match="odd number of 3 or more"):
        neighbours_of((3, 3), window=4)
    with pytest.raises(ValueError, match="3 heads do not divide 8 channels"):
        ClassAttentionPool(channels=8, heads=3)
