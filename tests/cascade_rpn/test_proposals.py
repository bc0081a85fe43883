import pytest
import torch

from projects.cascade_rpn.proposals import (
    Candidates,
    clip_boxes_to_images,
    filter_proposals,
    finite_images,
    top_n_of_levels,
)
from tests.cascade_rpn.operations import operations
from tests.cascade_rpn.small_head import TEST, build_head, features, samples

SIZES = torch.tensor([[50, 80], [40, 30]])


def move(boxes, deltas):
    return boxes + deltas


def candidates(scores, valid=None, limit=2, per_level=(4, 3), sizes=SIZES):
    N, L = scores.shape
    corner = torch.arange(L).float().view(1, L, 1) * 5
    boxes = torch.cat((corner, corner, corner + 10, corner + 10), -1).expand(N, L, 4)
    return top_n_of_levels(
        scores,
        boxes,
        torch.ones(N, L, 4),
        torch.ones(N, L, dtype=torch.bool) if valid is None else valid,
        per_level=per_level,
        limit=limit,
        decode=move,
        image_sizes=sizes[:N],
    )


def test_the_best_of_each_level_are_decoded_and_no_others():
    # Level 0 has the scores .1 .4 .3 .2, level 1 .9 .8 .7: boxes 1 and 2, and 4 and 5.
    found = candidates(torch.tensor([[0.1, 0.4, 0.3, 0.2, 0.9, 0.8, 0.7]]))
    torch.testing.assert_close(found.scores, torch.tensor([[0.4, 0.3, 0.9, 0.8]]))
    assert found.boxes[0, :, 0].tolist() == [6, 11, 21, 26]  # 5 i + 1
    assert found.levels.tolist() == [0, 0, 1, 1]
    assert candidates(torch.rand(1, 7), limit=-1).scores.shape == (1, 7)


def test_images_of_a_batch_are_chosen_apart_and_cut_at_their_own_size():
    scores = torch.tensor(
        [[0.1, 0.4, 0.3, 0.2, 0.9, 0.8, 0.7], [0.9, 0.1, 0.2, 0.8, 0.1, 0.2, 0.3]]
    )
    found = candidates(scores)
    assert found.boxes[1, :, 0].tolist() == [1, 16, 30, 26]  # the third ends at the edge
    assert (found.boxes[1, :, 2] <= 30).all()
    assert (found.boxes[1, :, 3] <= 40).all()


def test_invalid_boxes_come_last_with_a_score_below_all():
    valid = torch.ones(1, 7, dtype=torch.bool)
    valid[0, [1, 4, 5]] = False
    found = candidates(torch.full((1, 7), 0.5), valid)
    assert found.scores.tolist() == [[0.5, 0.5, 0.5, -1]]


def test_any_number_of_images_takes_one_partial_sort_of_each_level():
    sizes = torch.tensor([[50, 80]] * 5)
    one, five = (operations(candidates, torch.rand(n, 7), sizes=sizes[:n]) for n in (1, 5))
    assert one == five
    assert five["topk"] == 2
    assert five["sort"] == five["argsort"] == 0


class OnlyOne(dict):
    """Settings that may be read and not copied."""

    def __deepcopy__(self, memo):
        raise AssertionError("the settings are copied")

    copy = __copy__ = __deepcopy__


def test_settings_are_not_copied():
    head = build_head()
    head.test_cfg = OnlyOne(TEST)
    assert len(head.predict(features(), samples())[0]) > 0
    _, proposals = head.loss_and_predict(features(), samples(), OnlyOne(TEST))
    assert len(proposals[0]) > 0


def test_boxes_are_cut_on_all_sides():
    boxes = torch.tensor([[[-5.0, -5, 90, 60]], [[10, 10, 90, 60]]])
    assert clip_boxes_to_images(boxes, SIZES).tolist() == [[[0, 0, 80, 50]], [[10, 10, 30, 40]]]


def suppress(boxes, scores, levels):
    from mmcv.ops import batched_nms  # late: mmdense supplies it

    return batched_nms(boxes, scores, levels, {"type": "nms", "iou_threshold": 0.5})


def test_filter_proposals():
    boxes = torch.tensor(
        [
            [0.0, 0, 10, 10],
            [0, 0, 10, 9],  # near the first, same level
            [0, 0, 10, 10],  # the first again, another level
            [5, 5, 5, 9],  # no width
            [20, 20, 30, float("nan")],
            [20, 20, 40, 40],  # not of the image
            [50, 50, 60, 60],
        ]
    )
    scores = torch.tensor([0.9, 0.8, 0.7, 0.95, 0.9, -1, 0.6])
    given = Candidates(boxes[None], scores[None], torch.tensor([0, 0, 1, 0, 0, 0, 0]))
    (kept,) = filter_proposals(given, suppress=suppress, min_bbox_size=0, max_per_img=10)
    torch.testing.assert_close(kept[:, 4], torch.tensor([0.9, 0.7, 0.6]))
    (kept,) = filter_proposals(given, suppress=suppress, min_bbox_size=0, max_per_img=2)
    assert len(kept) == 2
    (kept,) = filter_proposals(given, suppress=suppress, min_bbox_size=10, max_per_img=10)
    assert len(kept) == 0
    assert finite_images(given).tolist() == [False]


def test_proposals_without_settings_name_what_is_missing():
    head = build_head(test_cfg=None)
    with pytest.raises(ValueError, match="missing max_per_img, nms, nms_pre"):
        head.predict(features(), samples())
    short = {key: value for key, value in TEST.items() if key != "nms_pre"}
    with pytest.raises(ValueError, match="missing nms_pre"):
        head.loss_and_predict(features(), samples(), short)
