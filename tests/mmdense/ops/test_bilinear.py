import pytest
import torch

from mmdense.ops.bilinear import bilinear_plan, flatten_maps, ragged_gather
from tests.references.bilinear_loop import read_point, sum_rows

H, W = 5, 7


def gather(maps, plan):
    points = torch.arange(0, plan.rows.numel() + 1, 4)
    return ragged_gather(flatten_maps(maps), plan.rows.view(-1), plan.weights.view(-1), points)


def sample(maps, y, x, image):
    return gather(maps, bilinear_plan(y, x, height=H, width=W, image=image))


def points(n, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(n, generator=generator, dtype=dtype) * (H + 3) - 2
    x = torch.rand(n, generator=generator, dtype=dtype) * (W + 3) - 2
    return y, x, torch.randint(0, 2, (n,), generator=generator)


def random_maps(dtype=torch.float32):
    return torch.randn(2, 3, H, W, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (torch.float64, 1e-6),  # of the float32 coordinates
        (torch.float32, 1e-6),
        (torch.float16, 2e-3),  # one rounding of the result
        (torch.bfloat16, 2e-2),
    ],
)
def test_equals_the_loop(dtype, tolerance):
    maps = random_maps().to(dtype)
    y, x, image = points(200)
    read = sample(maps, y, x, image)
    assert read.dtype == dtype
    loop = torch.stack(
        [read_point(maps[i].double(), float(a), float(b)) for a, b, i in zip(y, x, image)]
    )
    torch.testing.assert_close(read.double(), loop, atol=tolerance, rtol=tolerance)


def test_hand_case():
    # Map y * 10 + x, point (1.25, 2.5): 0.75 * 12.5 + 0.25 * 22.5 = 15.
    # Point (-0.5, 0): half of row 0 and half of nothing: 0.5 * 0 = 0; (-0.5, 4): 0.5 * 4 = 2.
    maps = (torch.arange(H)[:, None] * 10.0 + torch.arange(W))[None, None]
    y, x = torch.tensor([1.25, -0.5, -0.5]), torch.tensor([2.5, 0.0, 4.0])
    assert sample(maps, y, x, None)[:, 0].tolist() == [15, 0, 2]


def test_points_that_are_nowhere_read_zero_and_get_no_gradient():
    bad = [float("nan"), float("inf"), float("-inf"), 1e30, -1e30, -1.0, float(max(H, W))]
    y = torch.tensor(bad + [1.0] * len(bad), requires_grad=True)
    x = torch.tensor([1.0] * len(bad) + bad, requires_grad=True)
    maps = torch.full((1, 2, H, W), 3.0, requires_grad=True)
    read = sample(maps, y, x, None)
    assert torch.equal(read, torch.zeros_like(read))
    read.sum().backward()
    assert torch.equal(maps.grad, torch.zeros_like(maps))
    lost = torch.tensor([not abs(value) < 100 for value in bad])
    assert torch.equal(y.grad[: len(bad)][lost], torch.zeros(5))
    assert torch.equal(x.grad[len(bad) :][lost], torch.zeros(5))


def test_gradients_to_maps_and_coordinates():
    maps = random_maps(torch.float64).requires_grad_()
    y, x, image = points(12, torch.float64)
    assert torch.autograd.gradcheck(
        lambda m, y, x: sample(m, y, x, image), (maps, y.requires_grad_(), x.requires_grad_())
    )


def test_ragged_bags_equal_the_loop():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(6, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    rows = torch.randint(0, 6, (9,), generator=generator)
    weights = torch.randn(9, generator=generator, dtype=torch.float64, requires_grad=True)
    offsets = torch.tensor([0, 0, 4, 5, 9, 9])  # the first and the last bag are empty
    expected = sum_rows(table, rows.tolist(), weights, offsets.tolist())
    torch.testing.assert_close(ragged_gather(table, rows, weights, offsets), expected)
    assert torch.autograd.gradcheck(
        lambda t, w: ragged_gather(t, rows, w, offsets), (table, weights)
    )


def test_nothing_to_read():
    plan = bilinear_plan(torch.zeros(0), torch.zeros(0), height=H, width=W)
    maps = random_maps().requires_grad_()
    read = gather(maps, plan)
    assert read.shape == (0, 3)
    read.sum().backward()
    assert torch.equal(maps.grad, torch.zeros_like(maps))


def test_gradient_has_the_same_bits_each_time():
    maps = torch.randn(1, 8, 30, 30, requires_grad=True)
    y, x = torch.rand(2, 20000) * 30
    plan = bilinear_plan(y, x, height=30, width=30)
    grads = [torch.autograd.grad(gather(maps, plan).square().sum(), maps)[0] for _ in range(2)]
    assert torch.equal(*grads)


def test_compiles_as_one_graph():
    maps = random_maps().requires_grad_()
    y, x, image = points(12)
    compiled = torch.compile(sample, fullgraph=True, backend="aot_eager")
    y.requires_grad_()
    for function in (compiled, sample):
        function(maps, y, x, image).square().sum().backward()
    # Both gradients were added up, so half of each is that of one.
    expected = torch.autograd.grad(sample(maps, y, x, image).square().sum(), (maps, y))
    torch.testing.assert_close(maps.grad / 2, expected[0])
    torch.testing.assert_close(y.grad / 2, expected[1])


def test_bad_input():
    one = torch.zeros(1)
    with pytest.raises(TypeError, match="float32 or float64"):
        bilinear_plan(one.half(), one.half(), height=H, width=W)
    with pytest.raises(ValueError, match="0 x 7"):
        bilinear_plan(one, one, height=0, width=W)
