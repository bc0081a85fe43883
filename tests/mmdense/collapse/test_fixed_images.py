"""Features of the fixed images, clean and in their views."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, default_collate
from mmengine.registry import init_default_scope

import mmdense  # noqa: F401
from mmdense.collapse import fixed_images
from mmdense.collapse.fixed_images import (
    clean_features,
    fit_to_view,
    view_features,
    without_augmentation,
)
from mmdense.collapse.taps import find_parts
from mmdense.registry import MODELS
from tests.mmdense.evaluation.tiny_siamese import MEAN, PREPROCESSOR, STD, Colours, model

SELF_SUP = {
    "type": "mmpretrain.SelfSupDataPreprocessor",
    "mean": MEAN,
    "std": STD,
    "to_rgb": True,
}


def network(preprocessor):
    import mmpretrain.models  # noqa: F401

    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    return MODELS.build({**model(), "data_preprocessor": preprocessor})


def normalised(images):
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return (images.float() - mean) / std


def expected(simsiam, images):
    """Of normalised images: pooled features of the last stage, and their projections."""
    simsiam.eval()
    with torch.no_grad():
        maps = simsiam.backbone(images)
        return maps[-1].mean(dim=(2, 3)), simsiam.neck(maps)[0]


def check(simsiam, dataset, images):
    found = clean_features(simsiam, dataset, default_collate, find_parts(simsiam), 6)
    backbone, projector = expected(simsiam, normalised(images))
    torch.testing.assert_close(found["backbone"], backbone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["projector"], projector, rtol=1e-4, atol=1e-5)


def test_clean_images_where_the_preprocessor_makes_the_views():
    simsiam, dataset = network(PREPROCESSOR), Colours()
    chosen = np.linspace(0, len(dataset) - 1, 6).astype(int)
    check(simsiam, dataset, dataset.images[chosen])


@pytest.fixture
def photos(tmp_path):
    """Six images of different sizes, and a data set that makes two views of each."""
    from mmpretrain.datasets import CustomDataset

    images = []
    for number in range(6):
        rng = np.random.default_rng(number)
        image = rng.integers(0, 255, (20 + number, 30, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        images.append(torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1))
    views = {
        "type": "MultiView",
        "num_views": [2],
        "transforms": [
            [
                {"type": "RandomResizedCrop", "scale": 16},
                {"type": "RandomFlip", "prob": 0.5},
            ]
        ],
    }
    init_default_scope("mmpretrain")
    return images, CustomDataset(
        data_root=str(tmp_path),
        with_label=False,
        pipeline=[{"type": "LoadImageFromFile"}, views, {"type": "PackInputs"}],
    )


def test_clean_images_where_the_pipeline_makes_the_views(photos):
    images, dataset = photos
    simsiam = network(SELF_SUP)
    check(simsiam, dataset, torch.stack([fit_to_view(image, (16, 16)) for image in images]))
    inputs = dataset[0]["inputs"]  # the pipeline is whole again
    assert [tuple(view.shape) for view in inputs] == [(3, 16, 16)] * 2
    assert not torch.equal(*inputs)


class OwnViews(Colours):
    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return {**sample, "inputs": [sample["inputs"], sample["inputs"].flip(-1)]}


class OwnPacking(OwnViews):
    """Has a pipeline, of which loading and packing leave no ``inputs``."""

    def __init__(self):
        super().__init__()
        self.pipeline = Compose([lambda sample: sample])

    def __getitem__(self, index):
        return super().__getitem__(index) if self.pipeline.transforms else {"img": None}


@pytest.mark.parametrize("kind", [OwnViews, OwnPacking])
def test_without_an_image_that_is_loaded_and_packed_there_are_no_clean_ones(kind):
    simsiam = network(SELF_SUP)
    given = (simsiam, kind(), default_collate, find_parts(simsiam), 6)
    assert clean_features(*given) == {}
    assert view_features(*given)["projector"].shape == (6, 2, 16)


@pytest.mark.parametrize("read", [clean_features, view_features])
def test_training_is_not_affected(read):
    simsiam, dataset = network(PREPROCESSOR), Colours(draws=True)
    simsiam.train()
    simsiam.backbone.eval()
    torch.manual_seed(3)
    before = torch.rand(4)
    torch.manual_seed(3)
    buffers = {name: value.clone() for name, value in simsiam.named_buffers()}
    first, second = (
        read(simsiam, dataset, default_collate, find_parts(simsiam), 6) for _ in range(2)
    )
    assert torch.equal(torch.rand(4), before)
    assert simsiam.neck.training
    assert not simsiam.backbone.training
    for name, value in simsiam.named_buffers():
        assert torch.equal(value, buffers[name]), name
    if read is view_features:  # each image has its own seed
        for space in first:
            assert torch.equal(first[space], second[space])


@pytest.mark.parametrize("read", [clean_features, view_features])
def test_two_processes_return_the_features_of_one(read, monkeypatch):
    simsiam = network(PREPROCESSOR)
    given = (simsiam, Colours(), default_collate, find_parts(simsiam), 7)
    alone = read(*given)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(fixed_images, "get_rank", lambda rank=rank: rank)
        monkeypatch.setattr(fixed_images, "get_world_size", lambda: 2)
        shares.append(read(*given))
    for space, whole in alone.items():
        assert [len(share[space]) for share in shares] == [4, 3]
        for rank, share in enumerate(shares):
            torch.testing.assert_close(share[space], whole[rank::2])


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
