"""What proposals meet, and what is counted as found."""

import mmdense  # noqa: F401

# isort: split
import numpy as np
import pytest

from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.proposals_image import (
    Proposals,
    count_found,
    meets_object,
    propose,
)
from tests.mmdense.visual.tiny_detector import BOXES, BoxedImages, Detector, objects


def proposed(detector, **options):
    images = BoxedImages(**options)
    record = images[0]
    return propose(detector, record["inputs"], record["data_samples"], images.get_data_info(0))


def test_boxes_and_objects_are_in_pixels_of_the_file():
    found = proposed(Detector())
    assert found.boxes.tolist() == BOXES
    assert found.objects.tolist() == objects().tolist()  # the crowd is left out


def test_what_meets_and_what_is_found():
    # The second box, 40 x 40, covers each object of 20 x 20 with an IoU of 400 / 1600 = 0.25.
    found = Proposals(np.array(BOXES), objects())
    assert meets_object(found).tolist() == [True, False, False]
    assert count_found(found, 1) == 1
    assert count_found(found, 0) == 0
    # 20 x 10 of 20 x 20 is an IoU of one half: it meets, a little less does not.
    half = Proposals(np.array([[0, 0, 20, 9.9], [0, 0, 20, 10]]), objects())
    assert meets_object(half).tolist() == [False, True]
    assert [count_found(half, budget) for budget in (1, 2)] == [0, 1]


def test_two_proposals_of_one_object_find_one():
    found = Proposals(np.array([[0, 0, 20, 20], [0, 0, 20, 19], [20, 20, 40, 40.0]]), objects())
    assert meets_object(found).all()
    assert [count_found(found, budget) for budget in (1, 2, 3)] == [1, 1, 2]


def test_no_objects_and_no_proposals():
    nothing = np.zeros((0, 4))
    assert meets_object(Proposals(np.array(BOXES), nothing)).tolist() == [False] * 3
    assert count_found(Proposals(np.array(BOXES), nothing), 20) == 0
    assert meets_object(Proposals(nothing, objects())).shape == (0,)
    assert count_found(Proposals(nothing, objects()), 20) == 0


def test_what_is_missing_is_named():
    with pytest.raises(NothingToDraw, match="no `instances` with boxes"):
        proposed(Detector(), instances=False)
    with pytest.raises(NothingToDraw, match="scale_factor"):
        proposed(Detector(), scaled=False)
    with pytest.raises(ValueError, match="NaN or infinite"):
        proposed(Detector([[0.0, 0.0, float("nan"), 1.0]]))
