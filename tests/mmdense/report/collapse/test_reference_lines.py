"""Floors and ceilings of a made-up run: 64 images, 128 vectors of 32 channels, 50 fixed images."""

import pytest

from mmdense.report.collapse import reference_lines as lines
from tests.mmdense.report.collapse.made_up_runs import made_up


def test_by_hand():
    run = made_up()
    assert lines.centre_floor(run) == pytest.approx(0.0883883)  # 1 / sqrt(128)
    assert lines.centre_limit(run) == 0.95
    assert lines.deviation_ceiling(run) == pytest.approx(0.1767767)  # 1 / sqrt(32)
    assert lines.covariance_floor(run) == pytest.approx(1 / 2048)
    assert lines.covariance_ceiling(run) == pytest.approx(1 / 32)
    assert lines.batch_rank_ceiling(run) == 32  # min(64 - 1, 32)
    assert lines.batch_rank_limit(run) == 2.0  # max(0.02 * 32, 2)
    assert lines.space_rank_ceiling("backbone", centred=True)(run) == 32
    assert lines.flat_auc("projector")(run) == pytest.approx((1 + 1 / 32) / 2)


def test_few_images_lower_the_ceiling():
    few = {"projector": {"images": 20, "channels": 32}}
    run = made_up(spaces=few, batch=10)
    assert lines.space_rank_ceiling("projector", centred=False)(run) == 20
    assert lines.space_rank_ceiling("projector", centred=True)(run) == 19
    assert lines.batch_rank_ceiling(run) == 9


def test_what_the_file_does_not_tell_is_not_drawn():
    run = made_up()
    run.facts.clear()
    single = (
        *(lines.centre_floor, lines.centre_limit, lines.deviation_ceiling, lines.covariance_floor),
        *(lines.covariance_ceiling, lines.batch_rank_ceiling, lines.batch_rank_limit),
        *(lines.space_rank_ceiling("backbone", centred=True), lines.flat_auc("backbone")),
    )
    assert [line(run) for line in single] == [None] * len(single)
