"""Alignment and uniformity: against loops, and their ends."""

import math

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.collapse.alignment_uniformity import alignment, uniformity


def unit(count, channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, channels, generator=generator, dtype=torch.float64))


def test_equal_loops():
    z_a, z_b = unit(7, 5), unit(7, 5, seed=1)
    gaps = [float((a - b).norm()) ** 2 for a, b in zip(z_a, z_b, strict=True)]
    assert float(alignment(z_a, z_b)) == pytest.approx(sum(gaps) / 7)
    kernel = [
        math.exp(-2 * float((z_a[i] - z_a[j]).norm()) ** 2) for i in range(7) for j in range(i)
    ]
    assert float(uniformity(z_a)) == pytest.approx(math.log(sum(kernel) / len(kernel)))


def test_ends():
    same = unit(1, 64).expand(50, -1)
    assert float(alignment(same, same)) == 0.0
    assert float(uniformity(same)) == pytest.approx(0.0, abs=1e-9)
    assert float(uniformity(unit(800, 2048))) == pytest.approx(-4.0, abs=0.05)
    assert float(alignment(unit(800, 2048), unit(800, 2048, seed=1))) == pytest.approx(
        2.0, abs=0.05
    )


def test_both_are_losses():
    z_a, z_b = unit(4, 3).requires_grad_(), unit(4, 3, seed=1)
    assert torch.autograd.gradcheck(lambda z: alignment(z, z_b), (z_a,))
    assert torch.autograd.gradcheck(uniformity, (z_a,))


def test_bad_input():
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(2, 4\)"):
        alignment(unit(3, 4), unit(2, 4))
    with pytest.raises(ValueError, match="two vectors, found 1"):
        uniformity(unit(1, 4))
