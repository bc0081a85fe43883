"""Proposals: which match an object, how many objects are found, and how both are drawn."""

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import nn

from mmdense.visual.chosen_images import ImageSource
from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.grid import GOOD, POOR
from mmdense.visual.proposals_image import (
    Proposals,
    count_found,
    draw_proposals,
    meets_object,
    propose,
)
from tests.mmdense.visual.tiny_images import TinyImages, source

# In pixels of the file, which is twice as large as the input: one on the first object, one on both
# to a quarter, and one on nothing.
BOXES = [[0.0, 0.0, 20.0, 20.0], [0.0, 0.0, 40.0, 40.0], [50.0, 0.0, 60.0, 10.0]]
OBJECTS = np.array([[0.0, 0, 20, 20], [20, 20, 40, 40]])


class Head:
    """Has one answer, in pixels of the file where it is asked so."""

    def __init__(self, boxes=BOXES):
        self.boxes = torch.tensor(boxes)

    def predict(self, maps, samples, rescale):
        scale = 1 if rescale else samples[0].scale_factor[0]
        return [InstanceData(bboxes=self.boxes * scale, scores=torch.ones(len(self.boxes)))]


class Detector(nn.Module):
    """Backbone and preprocessor do nothing."""

    def __init__(self, boxes=BOXES):
        super().__init__()
        self.rpn_head = Head(boxes)

    def data_preprocessor(self, data, training):
        assert not training
        return data

    def extract_feat(self, inputs):
        return inputs


class BoxedImages:
    """Grey images of 48 x 32 from files of 96 x 64."""

    def __init__(self, size=8, instances=True, scaled=True):
        self.size, self.instances, self.scaled = size, instances, scaled

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        meta = {"img_path": f"{index}.png", "scale_factor": (0.5, 0.5)}
        sample = DetDataSample(metainfo=meta if self.scaled else {})
        sample.gt_instances = InstanceData()
        return {"inputs": torch.full((3, 32, 48), 128, dtype=torch.uint8), "data_samples": sample}

    def get_data_info(self, index):
        if not self.instances:
            return {}
        crowd = {"bbox": [50, 0, 60, 10], "ignore_flag": 1}
        return {
            "instances": [*({"bbox": box.tolist(), "ignore_flag": 0} for box in OBJECTS), crowd]
        }


def proposed(detector, **options):
    images = BoxedImages(**options)
    record = images[0]
    return propose(detector, record["inputs"], record["data_samples"], images.get_data_info(0))


def test_boxes_and_objects_are_in_pixels_of_the_file():
    found = proposed(Detector())
    assert found.boxes.tolist() == BOXES
    assert found.objects.tolist() == OBJECTS.tolist()  # the crowd is left out


def test_what_meets_and_what_is_found():
    # The second box, 40 x 40, covers each object of 20 x 20 with an IoU of 400 / 1600 = 0.25.
    found = Proposals(np.array(BOXES), OBJECTS)
    assert meets_object(found).tolist() == [True, False, False]
    assert count_found(found, 1) == 1
    assert count_found(found, 0) == 0
    # 20 x 10 of 20 x 20 is an IoU of one half: it meets, a little less does not.
    half = Proposals(np.array([[0, 0, 20, 9.9], [0, 0, 20, 10]]), OBJECTS)
    assert meets_object(half).tolist() == [False, True]
    assert [count_found(half, budget) for budget in (1, 2)] == [0, 1]


def test_two_proposals_of_one_object_find_one():
    found = Proposals(np.array([[0, 0, 20, 20], [0, 0, 20, 19], [20, 20, 40, 40.0]]), OBJECTS)
    assert meets_object(found).all()
    assert [count_found(found, budget) for budget in (1, 2, 3)] == [1, 1, 2]


def test_no_objects_and_no_proposals():
    nothing = np.zeros((0, 4))
    assert meets_object(Proposals(np.array(BOXES), nothing)).tolist() == [False] * 3
    assert count_found(Proposals(np.array(BOXES), nothing), 20) == 0
    assert meets_object(Proposals(nothing, OBJECTS)).shape == (0,)
    assert count_found(Proposals(nothing, OBJECTS), 20) == 0


def test_what_is_missing_is_named():
    with pytest.raises(NothingToDraw, match="no `instances` with boxes"):
        proposed(Detector(), instances=False)
    with pytest.raises(NothingToDraw, match="scale_factor"):
        proposed(Detector(), scaled=False)
    with pytest.raises(ValueError, match="NaN or infinite"):
        proposed(Detector([[0.0, 0.0, float("nan"), 1.0]]))


def columns_of(image, colour, row):
    """Places in a row of pixels that have this colour."""
    return np.flatnonzero((np.asarray(image)[row] == colour).all(axis=-1))


def test_lines_and_counts():
    drawn = draw_proposals(Detector(), ImageSource(BoxedImages(), "val"))
    assert "on 6 evenly spaced images of the 8 in" in drawn.caption
    assert "The first proposals of Head" in drawn.caption
    assert "recall at IoU 0.5 of 20 proposals: 6 of 12 objects" in drawn.caption
    # A panel is 240 wide for a file of 96, so the first box ends at 20 * 2.5 = 50, in the second
    # panel, which begins at 14 + 240 + 6; cells begin at 31.
    left, top = 260, 31
    inside = columns_of(drawn.image, GOOD, top + 48)  # its line is two pixels thick
    assert set(range(left, left + 50)) <= set(inside.tolist())
    thin = columns_of(drawn.image, POOR, top + 99)  # of the second box, 100 wide
    assert set(range(left, left + 100)) <= set(thin.tolist())
    assert not len(set(columns_of(drawn.image, POOR, top + 98)) & set(range(left + 2, left + 98)))


def test_few_images_and_none_to_draw():
    drawn = draw_proposals(Detector(), ImageSource(BoxedImages(size=1), "test"))
    assert "on the one test image" in drawn.caption
    assert drawn.image.width < 800
    with pytest.raises(NothingToDraw, match="TinyImages has no boxes"):
        draw_proposals(Detector(), ImageSource(TinyImages(), "val"))
    with pytest.raises(NothingToDraw, match="makes no proposals"):
        draw_proposals(object(), source())
