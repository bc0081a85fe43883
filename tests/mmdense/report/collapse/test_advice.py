"""The advice on a verdict and the observations on the readings."""

import pytest

from mmdense.collapse import verdict
from mmdense.report.collapse.advice import ADVICE, advice_of, as_markdown, observations
from tests.mmdense.report.collapse.made_up_runs import made_up

VERDICTS = {
    getattr(verdict, name)
    for name in ("HEALTHY", "COMPLETE", "DIMENSIONAL", "DIVERGED", "HIDDEN", "EARLY")
}


def flat(run, name, *values):
    """The run with another curve."""
    run.curves[name] = [(float(step), value) for step, value in enumerate(values, start=1)]
    return run


def test_every_verdict_has_advice():
    assert set(ADVICE) == VERDICTS
    for name in VERDICTS:
        assert advice_of(name).remedies
    assert "no judgement yet" in advice_of("").meaning
    assert as_markdown().count("### ") == len(VERDICTS)


def test_a_healthy_run_has_no_observations():
    assert observations(made_up()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda run: flat(run, "m_o", 0.5, float("nan")), "from step 2"),
        (lambda run: flat(flat(run, "o_e", 1e-9), "r_e", 1e-8), "no extra gradient"),
        (lambda run: flat(run, "projector/centred_rank_me", 40.0, 9.0), "from 40.0 at step 1"),
    ],
)
def test_observations_name_the_readings(change, expected):
    (sentence,) = observations(change(made_up()))
    assert expected in sentence


def test_a_collapse_of_the_projector_alone():
    run = made_up(verdict="complete collapse")
    assert "Only the projector" in " ".join(observations(run))
    flat(run, "backbone/centred_rank_me", 40.0, 3.0)
    assert "Only the projector" not in " ".join(observations(run))


def test_observations_on_a_batchnorm_and_on_checkpoints():
    assert "keeps m_o low" in observations(made_up(centre_hidden=True))[0]
    hidden = made_up(verdict=verdict.HIDDEN, centre_hidden=True)
    assert observations(hidden) == []  # the verdict covers it
    assert "checkpoints" in observations(made_up(checkpoints=["a.pth"]))[0]
