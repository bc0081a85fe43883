import cv2
import numpy as np
import pytest

from mmdense.data.collage.shapes import CLASSES, coverage, draw_shape
from mmdense.data.collage.split import SPLITS, SplitSampler
from tests.references.polygon_loop import covered_share

CONVEX = {"disc", "triangle", "square", "hexagon"}


def shapes_of(label, count=40, split="train"):
    sampler = SplitSampler(np.random.default_rng(label), split)
    return [draw_shape(label, sampler) for _ in range(count)]


def area(points):
    x, y = points.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def solidity(shape):
    hull = cv2.convexHull(shape[0].astype(np.float32))[:, 0]
    return sum((-1) ** k * area(c) for k, c in enumerate(shape)) / area(hull)


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_a_shape_has_the_size_and_form_of_its_class(label):
    name = CLASSES[label]
    for split in SPLITS:
        for shape in shapes_of(label, split=split):
            low, high = shape[0].min(axis=0), shape[0].max(axis=0)
            assert (high - low).max() == pytest.approx(1)
            np.testing.assert_allclose(low + high, 0, atol=1e-9)
            assert len(shape) == (2 if name == "ring" else 1)
            if name in CONVEX:
                assert solidity(shape) == pytest.approx(1, abs=1e-4)
            else:
                assert solidity(shape) < 0.97


def test_convex_shapes_fill_their_circles_in_the_expected_order():
    """Without deformation, the shapes fill these fractions of their circumscribed circles.

    Regular hexagon 0.83, square 2 / pi = 0.64, equilateral triangle 0.41. Rounding and shear change
    the values, but not the order.
    """
    share = {}
    for name in ("disc", "hexagon", "square", "triangle"):
        values = []
        for shape in shapes_of(CLASSES.index(name)):
            points = shape[0].astype(np.float32)
            _, radius = cv2.minEnclosingCircle(points)
            values.append(area(points) / (np.pi * radius**2))
        share[name] = np.mean(values)
    assert share["disc"] > share["hexagon"] > share["square"] > share["triangle"]


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_coverage_equals_counted_points(label):
    shape, centre, size = shapes_of(label, 1)[0], (5.3, 3.8), 6.0
    fast, left, top = coverage(shape, centre, size)
    points = [c * size + centre for c in shape]
    slow = np.array(
        [
            [covered_share(points, left + x, top + y, samples=3) for x in range(fast.shape[1])]
            for y in range(fast.shape[0])
        ]
    )
    difference = np.abs(fast / 255 - slow)
    # fillPoly also paints the outline itself, about 1/8 pixel wide.
    assert difference.max() <= 0.5
    assert difference.mean() < 0.05
    outline = sum(np.hypot(*np.diff(p, axis=0, append=p[:1]).T).sum() for p in points)
    assert 0 <= (fast / 255).sum() - slow.sum() + 1 <= 1 + 0.2 * outline


def test_coverage_has_the_given_size():
    for label in range(10):
        for size in (8.0, 31.5, 120.0):
            window, left, top = coverage(shapes_of(label, 1)[0], (200.0, 150.0), size)
            ys, xs = np.nonzero(window >= 128)
            longer = max(np.ptp(xs), np.ptp(ys)) + 1
            # A sharp tip covers less than half a pixel in its last rows.
            assert size - max(3, 0.1 * size) <= longer <= size + 1.5
            assert abs(left + window.shape[1] / 2 - 200) <= 1.5
            assert abs(top + window.shape[0] / 2 - 150) <= 1.5
