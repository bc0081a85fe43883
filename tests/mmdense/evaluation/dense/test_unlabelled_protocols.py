"""The protocols without label maps on small backbones: scores, settings, bad data."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mmdense.config.arguments import UsageError
from mmdense.evaluation.dense.data_folders import open_data
from mmdense.evaluation.dense.images import DenseData, DenseImages
from mmdense.evaluation.dense.last_attention import last_queries_and_keys
from mmdense.evaluation.dense.patches import FrozenBackbone, frozen_backbone
from mmdense.evaluation.dense.protocol import DenseTask, score
from mmdense.evaluation.dense.protocols import PROTOCOLS
from mmdense.evaluation.dense.protocols.object_discovery import discover_objects
from mmdense.evaluation.dense.protocols.unlabelled_protocols import ObjectDiscovery, discovered
from tests.mmdense.evaluation.dense.test_patches import RESNET, VIT, config


class Means(nn.Module):
    """Mean colour of each square of 4 x 4 pixels, from -1 to 1; with a bias, also the position."""

    def __init__(self, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, images):
        maps = nn.functional.avg_pool2d(images, 4)  # [B, 3, H, W]
        rows, columns = (torch.linspace(-1, 1, n) for n in maps.shape[2:])
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij")) * self.weight
        return torch.cat([maps, places.expand(len(maps), -1, -1, -1)], dim=1)


class Centred(nn.Module):
    def forward(self, data):
        return {"inputs": torch.stack(data["inputs"]).float() / 128 - 1}


def colours(bias=0.0):
    return FrozenBackbone(Means(bias), Centred())


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def boxed(tmp_path):
    """Dark images of 40 x 80 with one bright object each, the last one without a box."""
    boxes = [[8, 0, 16, 8], [40, 20, 24, 16], [0, 0, 0, 0]]  # x, y, width, height
    for index, (x, y, width, height) in enumerate(boxes):
        image = np.full((40, 80, 3), 20, dtype=np.uint8)
        image[y : y + height, x : x + width] = 230
        write(tmp_path / f"{index}.png", image)
    corners = [[[x, y, x + w, y + h]] if w else [] for x, y, w, h in boxes]
    images = DenseImages(
        sorted(tmp_path.glob("*.png")),
        boxes=[torch.tensor(one).float().reshape(-1, 4) for one in corners],
    )
    return DenseData("cells", images, images)


@pytest.fixture
def videos(tmp_path):
    """A white square of 8 pixels that moves right by 4 pixels a frame, in DAVIS's folders."""
    for number in range(6):
        frame, labels = np.zeros((32, 64, 3), np.uint8), np.zeros((32, 64), np.uint8)
        left = 4 + 4 * number
        frame[12:20, left : left + 8] = 255
        labels[12:20, left : left + 8] = 1
        write(tmp_path / "JPEGImages/480p/square" / f"{number:05}.png", frame)
        write(tmp_path / "Annotations/480p/square" / f"{number:05}.png", labels)
    return tmp_path


@pytest.fixture
def photographs(tmp_path):
    noise = np.random.default_rng(0)
    for index in range(5):
        pixels = noise.integers(0, 255, (4, 4, 3), dtype=np.uint8)  # smooth when enlarged
        write(tmp_path / f"{index}.png", cv2.resize(pixels, (64, 64)))
    return open_data(str(tmp_path))


def run(name, task, **settings):
    protocol = PROTOCOLS[name]
    changed = replace(protocol.settings, **settings)
    return score(name, replace(protocol, settings=changed), task)


def test_bright_objects_are_discovered(boxed):
    found = run("object_discovery", DenseTask(colours(), boxed, size=80), k=5)
    assert found.metrics == {"corloc": 100}
    assert found.identifier == "object_discovery(k=5,feature=centred,iou=0.5,size=80,seed=0)"
    shifted = [box + 20 for box in boxed.test.boxes]
    elsewhere = replace(boxed, test=replace(boxed.test, boxes=shifted))
    assert run("object_discovery", DenseTask(colours(), elsewhere, size=80)).metrics["corloc"] == 0


def test_boxes_of_objects_are_shares_of_the_sides(boxed):
    pixels = torch.stack([boxed.test.square(index, 40) for index in range(2)])
    boxes = discovered(colours(), pixels, ObjectDiscovery(feature="centred")).boxes
    expected = boxed.test.boxes[0] / torch.tensor([80, 40, 80, 40])
    torch.testing.assert_close(boxes[0], expected[0])


@pytest.mark.parametrize(("backbone", "feature"), [(VIT, "keys"), (RESNET, "centred")])
def test_the_feature_depends_on_the_backbone(boxed, backbone, feature):
    frozen, _ = frozen_backbone(config(backbone), None)
    assert f"feature={feature}" in run("object_discovery", DenseTask(frozen, boxed, 64)).identifier


def test_keys_are_those_of_all_heads(boxed):
    torch.manual_seed(0)
    frozen, _ = frozen_backbone(config(VIT), None)
    pixels = torch.stack([boxed.test.square(index, 32) for index in range(2)])
    found = discovered(frozen, pixels, ObjectDiscovery(k=3, feature="keys"))
    keys = last_queries_and_keys(frozen.module, frozen.inputs(pixels)).keys  # [2, 2, 1 + 16, 4]
    stacked = torch.cat([keys[:, 0, 1:], keys[:, 1, 1:]], dim=2)
    expected = discover_objects(stacked, (4, 4), k=3)
    assert torch.equal(found.masks, expected.masks)
    torch.testing.assert_close(found.boxes, expected.boxes / 4)


def test_correspondence_of_colours_and_of_positions(photographs):
    metrics = run("correspondence", DenseTask(colours(), photographs, size=64)).metrics
    assert list(metrics) == ["pck_5", "pck_10"]
    assert metrics["pck_10"] > 50 > 100 * 3.14 * 0.1**2  # the last one is chance
    # With features of the position alone, patches match their own place, not their content.
    blind = run("correspondence", DenseTask(colours(1e6), photographs, size=64)).metrics
    assert blind["pck_10"] < metrics["pck_10"]
    # Without a warp, every patch matches itself.
    still = dict(rotation=0.0, scale=0.0, shear=0.0, shift=0.0, perspective=0.0)
    found = run("correspondence", DenseTask(colours(1.0), photographs, size=64), **still)
    assert found.metrics == {"pck_5": 100, "pck_10": 100}


def test_warps_out_of_the_image(photographs):
    with pytest.raises(ValueError, match="all patches out of the images"):
        run("correspondence", DenseTask(colours(), photographs, size=64), shift=1e6)


def test_position(photographs):
    task = DenseTask(colours(1.0), photographs, size=64)
    found = run("position", task)
    assert min(found.metrics.values()) > 99
    assert found.identifier == "position(strength=0.001,images=200,grid=16x16,size=64,seed=0)"
    assert max(run("position", DenseTask(colours(), photographs, size=64)).metrics.values()) < 20


def test_some_images_of_many(photographs):
    task = DenseTask(colours(), photographs, size=64)
    indices, some = task.sample(3)
    assert indices == [0, 2, 4]
    torch.testing.assert_close(some.features, task.test.features[indices])
    assert task.sample(3)[1] is some
    assert task.sample(5)[1] is task.test
    assert "images=3" in run("correspondence", task, images=3).identifier


def test_a_moving_square_is_followed(videos):
    data = open_data(str(videos))
    assert len(data.videos) == 1
    assert len(data.test) == 6
    found = run("label_propagation", DenseTask(colours(), data, size=32), k=1)
    # Labels of 2 x 2 patches are right. Enlarged, they lose the pixels at four corners: 60 / 64.
    assert found.metrics["j_mean"] == pytest.approx(93.75)
    assert found.metrics["f_mean"] == pytest.approx(100)
    assert found.metrics["jf_mean"] == pytest.approx(96.875)
    assert found.identifier == (
        "label_propagation(context=7,radius=12,k=1,temperature=0.1,size=32,seed=0)"
    )
    # Out of reach: with the first frame alone and a radius of one patch, the square is lost.
    lost = run("label_propagation", DenseTask(colours(), data, size=32), context=0, radius=1)
    assert lost.metrics["j_mean"] < 60


def test_the_videos_of_davis_are_listed(videos):
    lists = videos / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("other\n")
    with pytest.raises(UsageError, match="480p/other has no images"):
        open_data(str(videos))


def test_bad_videos(videos):
    (videos / "Annotations/480p/square/00003.png").unlink()
    with pytest.raises(UsageError, match=r"1 images have no label map.*00003"):
        open_data(str(videos))
    write(videos / "Annotations/480p/square/00003.png", np.zeros((32, 64), np.uint8))
    write(videos / "Annotations/480p/square/00000.png", np.zeros((32, 64), np.uint8))
    task = DenseTask(colours(), open_data(str(videos)), size=32)
    with pytest.raises(ValueError, match="found 0 objects and 6 frames"):
        run("label_propagation", task)
    (videos / "JPEGImages" / "480p").rename(videos / "JPEGImages" / "240p")
    (videos / "JPEGImages" / "360p").mkdir()
    with pytest.raises(UsageError, match="240p.*360p"):
        open_data(str(videos))


@pytest.mark.parametrize(
    ("name", "message"),
    [("object_discovery", "has no boxes"), ("label_propagation", "has no videos with label maps")],
)
def test_data_without_what_a_protocol_needs(photographs, name, message):
    with pytest.raises(ValueError, match=message):
        run(name, DenseTask(colours(), photographs, size=64))


def test_no_image_with_boxes(boxed):
    empty = replace(boxed.test, boxes=[torch.zeros(0, 4)] * 3)
    with pytest.raises(ValueError, match="no test image with a box"):
        run("object_discovery", DenseTask(colours(), replace(boxed, test=empty), size=80))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("object_discovery", dict(k=0)),
        ("object_discovery", dict(iou=1.5)),
        ("object_discovery", dict(feature="values")),
        ("correspondence", dict(alphas=())),
        ("correspondence", dict(alphas=(0.1, 0.0))),
        ("correspondence", dict(images=0)),
        ("correspondence", dict(perspective=0.5)),
        ("correspondence", dict(shift=-0.1)),
        ("label_propagation", dict(k=0)),
        ("label_propagation", dict(temperature=0.0)),
        ("label_propagation", dict(radius=-1)),
        ("position", dict(strength=0.0)),
        ("position", dict(images=1)),
    ],
)
def test_bad_settings(name, settings):
    setting, value = next(iter(settings.items()))
    with pytest.raises(ValueError, match=setting) as raised:
        replace(PROTOCOLS[name].settings, **settings)
    assert str(value) in str(raised.value)
