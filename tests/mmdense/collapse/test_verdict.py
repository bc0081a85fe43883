"""Verdicts on made-up readings; on real runs: test_collapse_hook.py."""

import math

import pytest

import mmdense  # noqa: F401
from mmdense.collapse.verdict import Limits, State, judge

# 256 vectors of 2048 channels that fill the sphere.
HEALTHY = State(
    m_o=0.06, m_r=0.99, std=0.0221, rank=100.0, images=256, rank_images=256, channels=2048
)


def name(**changes):
    return judge(HEALTHY._replace(**changes), Limits()).name


def test_each_verdict():
    assert name() == "healthy"
    assert name(m_o=math.nan) == "diverged"
    assert name(m_o=1.0, std=math.nan, rank=None, rank_images=1) == "too early to say"
    assert name(m_o=0.97, std=0.003) == "complete collapse"
    assert name(p_m_o=0.993) == "complete collapse"
    assert name(p_m_o=0.86) == "healthy"  # SimSiam has about 0.72
    assert name(p_m_o=math.inf) == "diverged"
    assert name(rank=3.0) == "dimensional collapse"  # below 2 % of 255
    assert name(m_o_before_norm=0.99) == "the last BatchNorm hides the centre"
    assert name(m_o_before_norm=0.7) == "healthy"
    assert name(uniform={"entropy": 0.98}) == "healthy"
    assert name(uniform={"entropy": 0.5, "patch_entropy": 1.0}) == "complete collapse"


def test_the_rank_speaks_before_the_last_batchnorm_does():
    assert name(m_o_before_norm=0.99, rank=1.5) == "dimensional collapse"


def test_small_spaces_have_a_least_rank():
    assert name(channels=16, rank=1.9) == "dimensional collapse"
    assert name(channels=16, rank=2.1) == "healthy"


def test_reasons_give_reading_floor_and_limit():
    reason = judge(HEALTHY._replace(m_o=0.97, std=0.003), Limits()).reason
    assert "m_o 0.970 (floor 0.062 for 256 vectors, limit 0.95)" in reason
    # (256 * 0.97^2 - 1) / 255
    assert "mean cosine of two images 0.94" in reason
    assert "collapse level 0.86" in reason
    reason = judge(HEALTHY._replace(rank=3.0), Limits()).reason
    assert "effective rank 3.0 of at most 255 (limit 5.1)" in reason
    reason = judge(HEALTHY._replace(m_o=0.0, m_o_before_norm=0.99), Limits()).reason
    assert "before it m_o is 0.990" in reason


def test_vectors_of_length_zero_are_a_complete_collapse():
    # Of ten vectors, six of them zero: m_o + m_r may still be above the share of the others.
    dead = judge(HEALTHY._replace(m_o=0.1, m_r=0.39), Limits())
    assert dead.name == "complete collapse"
    assert "length zero, m_o + m_r is 0.490" in dead.reason
    assert judge(HEALTHY._replace(m_o=0.1, m_r=0.91), Limits()).name == "healthy"


def test_without_a_rank():
    verdict = judge(HEALTHY._replace(rank=None), Limits())
    assert verdict.name == "healthy"
    assert "rank" not in verdict.reason


def test_limits_are_checked():
    assert judge(HEALTHY._replace(m_o=0.5), Limits(centre=0.4)).name == "complete collapse"
    for bad in ({"centre": 0.0}, {"centre": 1.5}, {"rank": 1.0}):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Limits(**bad)
