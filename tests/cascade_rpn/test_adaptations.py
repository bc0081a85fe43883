import pytest

from tests.cascade_rpn.small_head import IOU, build_head, head_config, stage


def test_learned_offsets_take_one_box_at_a_cell():
    generator = dict(head_config().anchor_generator, scales=[4, 8])
    with pytest.raises(ValueError, match=r"stages\[0\]: adapt.kind='learned' supports one box"):
        build_head(stages=[stage("learned")], anchor_generator=generator, train_cfg=[IOU])
