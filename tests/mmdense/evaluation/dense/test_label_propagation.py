"""Label propagation, J and F: the loops, hand cases, limits, and bad input."""

import pytest
import torch
import torch.nn.functional as F

from mmdense.evaluation.dense.protocols.label_propagation import (
    Propagation,
    boundaries,
    boundary_accuracy,
    label_map,
    propagate_labels,
    propagate_video,
    region_similarity,
    within,
)
from tests.references.propagation_loop import (
    boundary_accuracy_loop,
    boundary_loop,
    propagate_loop,
)


@pytest.mark.parametrize("grid", [(1, 1), (3, 5), (6, 4)])
@pytest.mark.parametrize(("radius", "k"), [(0, 1), (1, 5), (12, 4), (12, 1000)])
def test_equals_the_loop(grid, radius, k, monkeypatch):
    monkeypatch.setattr("mmdense.evaluation.dense.protocols.label_propagation._AFFINITIES", 100)
    generator = torch.Generator().manual_seed(radius)
    patches = grid[0] * grid[1]
    context, frame = (
        F.normalize(torch.randn(t, patches, 3, generator=generator, dtype=torch.float64), dim=2)
        for t in (2, 1)
    )
    labels = torch.rand(2, patches, 3, generator=generator, dtype=torch.float64)
    settings = Propagation(radius=radius, k=k)
    found = propagate_labels(context, labels, frame[0], grid, settings)
    expected = propagate_loop(
        *(one.tolist() for one in (context, labels, frame[0])), grid, radius, k, 0.1
    )
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_hand_case():
    # One patch, two context frames with cosines 1 and 0 and temperature 1: weights e : 1, so the
    # label is e / (e + 1) = 0.7311.
    context, labels = torch.tensor([[[1.0, 0]], [[0.0, 1]]]), torch.tensor([[[1.0]], [[0.0]]])
    settings = Propagation(temperature=1.0)
    found = propagate_labels(context, labels, torch.tensor([[1.0, 0]]), (1, 1), settings)
    torch.testing.assert_close(found, torch.tensor([[0.7311]]), atol=1e-4, rtol=0)


def test_labels_follow_features_that_move_within_the_radius():
    # Distinct features on a row of 12 patches move right by one patch a frame.
    frames = [torch.eye(12).roll(step, dims=0) for step in range(4)]
    first = torch.eye(2)[torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0])]
    settings = Propagation(context=1, radius=1, k=1)
    found = list(propagate_video(first, frames, (1, 12), settings))
    for step, labels in enumerate(found, start=1):
        assert torch.equal(labels, first.roll(step, dims=0))
    # Without preceding frames, the features are out of reach of the first one after two steps.
    far = list(propagate_video(first, frames, (1, 12), Propagation(context=0, radius=1, k=1)))
    assert torch.equal(far[0], found[0])
    assert not torch.equal(far[2], found[2])


def test_only_recent_frames_are_kept():
    seen = []

    def frames():
        for number in range(6):
            seen.append(number)
            yield torch.eye(4)

    labels = torch.eye(4)
    video = propagate_video(labels, frames(), (2, 2), Propagation(k=1))
    next(video)
    assert seen == [0, 1]  # frames are read one by one
    assert all(torch.equal(one, labels) for one in video)


def test_labels_of_pixels():
    # Two patches side by side: the background is 1, 0.8 and the object 0, 0.2. Stretched to 0 to
    # 1, the object wins on the right, although it has the smaller share.
    found = label_map(torch.tensor([[1.0, 0.0], [0.8, 0.2]]), (1, 2), (2, 4))
    assert found.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    # A label without patches never wins.
    assert label_map(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), (1, 2), (1, 2)).tolist() == [[0, 0]]


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (12, 7)])
@pytest.mark.parametrize("tolerance", [0.0, 0.008, 0.2])
def test_boundary_accuracy_equals_the_loop(size, tolerance):
    generator = torch.Generator().manual_seed(size[1])
    predicted, true = torch.rand(2, 6, *size, generator=generator) > torch.rand(
        2, 6, 1, 1, generator=generator
    )
    predicted[0], true[1] = False, False
    found = boundary_accuracy(predicted, true, tolerance=tolerance)
    for image in range(6):
        mask = predicted[image].tolist()
        assert {tuple(p) for p in boundaries(predicted)[image].nonzero().tolist()} == (
            boundary_loop(mask)
        )
        expected = boundary_accuracy_loop(mask, true[image].tolist(), tolerance)
        assert found[image] == pytest.approx(expected, abs=1e-6)


def test_measures_of_a_shifted_square():
    # A square of 20 x 20 pixels shifted by 2: J = 20 * 18 / (20 * 22). The diagonal is 141.4, so
    # the tolerance of F is 2 pixels, and every boundary pixel is within it.
    true = torch.zeros(1, 100, 100, dtype=torch.bool)
    true[0, 40:60, 40:60] = True
    predicted = true.roll(2, dims=2)
    assert region_similarity(predicted, true).item() == pytest.approx(18 / 22)
    assert boundary_accuracy(predicted, true).item() == 1
    assert boundary_accuracy(true.roll(3, dims=2), true).item() < 1


def test_measures_of_empty_masks():
    empty, full = torch.zeros(1, 4, 4, dtype=torch.bool), torch.zeros(1, 4, 4, dtype=torch.bool)
    full[0, 1, 1] = True
    assert region_similarity(empty, empty).tolist() == [1]
    assert boundary_accuracy(empty, empty).tolist() == [1]
    assert region_similarity(empty, full).tolist() == [0]
    assert boundary_accuracy(empty, full).tolist() == [0]


@pytest.mark.parametrize("radius", [0, 1, 3, 40])
def test_within_is_a_disk(radius):
    mask = torch.zeros(1, 11, 9, dtype=torch.bool)
    mask[0, 5, 2] = True
    rows, columns = torch.meshgrid(torch.arange(11), torch.arange(9), indexing="ij")
    disk = (rows - 5) ** 2 + (columns - 2) ** 2 <= radius**2
    assert torch.equal(within(mask, radius)[0], disk)


@pytest.mark.parametrize(
    ("first", "frame", "message"),
    [
        (torch.ones(5, 2), torch.ones(6, 3), "frame 0"),
        (torch.ones(6, 2), torch.ones(5, 3), "frame 0"),
        (torch.ones(6, 2), torch.full((6, 3), torch.nan), "NaN"),
    ],
)
def test_bad_input(first, frame, message):
    with pytest.raises(ValueError, match=message):
        list(propagate_video(first, [frame], (2, 3), Propagation()))
