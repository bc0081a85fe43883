"""Images without their augmentation."""

import pytest
import torch

from mmdense.collapse.clean_images import clean_sample, fit_to_view, without_augmentation


def ramp(rows, columns):
    """Grows from left to right, from 0 to 200; uint8, three channels."""
    line = torch.linspace(0, 200, columns).round().to(torch.uint8)
    return line.expand(3, rows, columns).clone()


def test_a_view_is_the_scaled_centre_of_its_image():
    image = ramp(20, 60)
    view = fit_to_view(image, (10, 10))
    assert view.shape == (3, 10, 10)
    assert view.dtype == torch.uint8
    # Halved, 30 columns, of which the middle 10: from a third of the ramp to two thirds.
    assert float(view[0, 0, 0]) == pytest.approx(200 / 3, abs=4)
    assert float(view[0, 0, -1]) == pytest.approx(400 / 3, abs=4)
    tall = fit_to_view(image.transpose(1, 2), (10, 10))
    assert torch.equal(tall.transpose(1, 2), view)


def test_small_images_grow_and_fitting_ones_stay():
    assert fit_to_view(ramp(5, 7), (16, 12)).shape == (3, 16, 12)
    image = ramp(16, 16)
    assert fit_to_view(image, (16, 16)) is image
    floats = fit_to_view(image.float() / 255, (8, 8))
    assert floats.dtype == torch.float32
    assert float(floats.max()) < 1.0


def test_a_sample_keeps_its_form():
    sample = {"inputs": ramp(8, 8), "data_samples": "kept"}
    alone = clean_sample(sample, (4, 4), None)
    assert alone["inputs"].shape == (3, 4, 4)
    assert alone["data_samples"] == "kept"
    listed = clean_sample(sample, (4, 4), 3)["inputs"]
    assert [view.shape for view in listed] == [(3, 4, 4)] * 3


class LoadNumber:
    pass


class RandomFlip:
    pass


class PackNumber:
    pass


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


def test_pipelines_inside_wrappers_are_reduced_and_come_back():
    names = [LoadNumber(), RandomFlip(), PackNumber()]
    pipelines = [Holder(transforms=list(names)) for _ in range(2)]
    inner = [Holder(pipeline=pipeline) for pipeline in pipelines]
    dataset = Holder(datasets=[inner[0], Holder(dataset=inner[1])])
    with pytest.raises(RuntimeError, match="inside"):  # noqa: SIM117
        with without_augmentation(dataset):
            for pipeline in pipelines:
                assert pipeline.transforms == [names[0], names[2]]
            raise RuntimeError("inside")
    for pipeline in pipelines:
        assert pipeline.transforms == names
