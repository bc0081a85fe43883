import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmdense.data.collage.annotations import (
    annotate,
    coco_document,
    exact_polygons,
    tight_box,
)
from mmdense.data.collage.scene import Visible, draw_scene
from mmdense.data.collage.split import SplitSampler
from tests.references.polygon_loop import inside


def decode(segmentation, shape):
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, *shape))
    return coco_mask.decode(segmentation).astype(bool)


@pytest.fixture(scope="module")
def objects():
    found = []
    for index in range(25):
        sampler = SplitSampler(np.random.default_rng([3, index]), "train")
        found += draw_scene(sampler, height=90, width=120, most=30).objects
    return found


def test_boxes_areas_and_segmentations_are_exact(objects):
    assert len(objects) > 80
    for item in objects:
        entry = annotate(item)
        ys, xs = np.nonzero(item.mask)
        box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
        assert entry["bbox"] == box
        assert entry["area"] == item.mask.sum()
        assert entry["category_id"] == item.label + 1
        assert entry["iscrowd"] == item.crowd
        np.testing.assert_array_equal(decode(entry["segmentation"], item.mask.shape), item.mask)
        if item.crowd:
            assert isinstance(entry["segmentation"], dict)
    polygons = [isinstance(annotate(o)["segmentation"], list) for o in objects if not o.crowd]
    assert np.mean(polygons) > 0.8


def test_polygons_contain_exactly_the_pixel_centres_of_the_mask(objects):
    """Compare with the even-odd rule, which is independent of COCO's decoder."""
    small = [o for o in objects if o.mask.sum() < 150 and exact_polygons(o.mask)][:8]
    assert len(small) == 8
    for item in small:
        outlines = [np.reshape(p, (-1, 2)) for p in exact_polygons(item.mask)]
        left, top, w, h = tight_box(item.mask)
        for y in range(max(0, top - 1), min(item.mask.shape[0], top + h + 1)):
            for x in range(max(0, left - 1), min(item.mask.shape[1], left + w + 1)):
                assert inside(outlines, x + 0.5, y + 0.5) == item.mask[y, x]


@pytest.mark.parametrize(
    ("rows", "polygons", "box"),
    [
        (("....", ".#..", ".##.", "...."), 1, [1, 1, 2, 2]),
        (("##..#", "##..#"), 2, [0, 0, 5, 2]),  # touches every border
        (("...", ".#.", "..."), 1, [1, 1, 1, 1]),
        (("####", "#..#", "####"), None, [0, 0, 4, 3]),  # a hole needs run lengths
    ],
)
def test_hand_cases(rows, polygons, box):
    mask = np.array([[c == "#" for c in row] for row in rows])
    entry = annotate(Visible(label=3, mask=mask))
    assert (entry["bbox"], entry["area"]) == (box, mask.sum())
    found = entry["segmentation"]
    assert (len(found) if isinstance(found, list) else None) == polygons
    np.testing.assert_array_equal(decode(found, mask.shape), mask)


def test_document_numbers_images_and_annotations():
    entry = annotate(Visible(label=9, mask=np.ones((4, 4), bool)))
    size = {"width": 4, "height": 4}
    document = coco_document(
        [
            {"file_name": "a.jpg", **size, "annotations": [entry, entry]},
            {"file_name": "b.jpg", **size, "annotations": []},
            {"file_name": "c.jpg", **size, "annotations": [entry]},
        ]
    )
    assert [image["id"] for image in document["images"]] == [0, 1, 2]
    assert [a["id"] for a in document["annotations"]] == [1, 2, 3]
    assert [a["image_id"] for a in document["annotations"]] == [0, 0, 2]
    assert document["categories"][9] == {"id": 10, "name": "arrow", "supercategory": "shape"}
