import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from mmdense.data.views import colour


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("ours", "theirs", "strengths"),
    [
        (colour.adjust_brightness, tv.adjust_brightness, (0.0, 0.3, 1.0, 1.7)),
        (colour.adjust_contrast, tv.adjust_contrast, (0.0, 0.3, 1.0, 1.7)),
        (colour.adjust_saturation, tv.adjust_saturation, (0.0, 0.3, 1.0, 1.7)),
        (colour.adjust_hue, tv.adjust_hue, (-0.5, -0.17, 0.0, 0.5)),
    ],
)
def test_equals_torchvision_for_each_sample(ours, theirs, strengths):
    batch = images(4, 3, 7, 5)
    expected = torch.stack([theirs(image, s) for image, s in zip(batch, strengths)])
    torch.testing.assert_close(ours(batch, torch.tensor(strengths)), expected, atol=1e-5, rtol=0)


def test_grayscale_is_no_saturation_and_solarize_equals_torchvision():
    batch = images(3, 3, 4, 6)
    plain = colour.adjust_saturation(batch, torch.zeros(3))
    torch.testing.assert_close(colour.grayscale(batch), plain)
    image = images(2, 8, 8).float() / 255
    assert colour.solarize(image, 128 / 255).equal(tv.solarize(image, 128 / 255))
    # 0.4 does not change, 0.5 and 0.9 become 0.5 and 0.1.
    line = torch.tensor([0.4, 0.5, 0.9]).expand(1, 3, 1, 3)
    torch.testing.assert_close(
        colour.solarize(line, 0.5)[0, 0, 0], torch.tensor([0.4, 0.5, 1 - 0.9])
    )


def test_hue_hand_case():
    # A shift of 1/3 changes red to green, a shift of 1/2 to cyan; gray has no hue.
    red = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1).repeat(2, 1, 1, 1)
    turned = colour.adjust_hue(red, torch.tensor([1 / 3, 0.5])).flatten(1)
    torch.testing.assert_close(turned, torch.tensor([[0.2, 0.8, 0.2], [0.2, 0.8, 0.8]]))
    # With two largest channels, both formulas agree. Grey, black and white have no hue.
    colours = torch.tensor(
        [[0.9, 0.9, 0.1], [0.1, 0.9, 0.9], [0.9, 0.1, 0.9], [0, 0, 0], [1, 1, 1], [0.3, 0.3, 0.3]]
    ).view(6, 3, 1, 1)
    expected = torch.stack([tv.adjust_hue(one, 0.2) for one in colours])
    found = colour.adjust_hue(colours, torch.full((6,), 0.2))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert found[3:].equal(colours[3:])
