import pytest

from tests.cascade_rpn.small_head import build_head, features, head_config, samples


@pytest.mark.parametrize("scales", [[0], [-4]])
def test_anchors_of_no_size_are_refused(scales):
    generator = dict(head_config().anchor_generator, scales=scales)
    with pytest.raises(ValueError, match="anchor_generator: an anchor of level 0"):
        build_head(anchor_generator=generator)


def test_a_neck_of_other_levels_is_refused():
    with pytest.raises(ValueError, match="2 levels.* anchor_generator.strides has 3"):
        build_head().predict(features()[:2], samples())
