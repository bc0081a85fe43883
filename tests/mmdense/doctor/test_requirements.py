import pytest

from mmdense.doctor.requirements import check_requirements


def test_all_that_is_needed_is_there_and_extras_are_not_asked_for(site):
    site.healthy()
    assert check_requirements() is None


@pytest.mark.parametrize(
    ("requirement", "seen"),
    [("numpy>=3.0", "numpy>=3.0: 2.2.6"), ("rich", "rich: not installed")],
)
def test_what_is_missing_or_too_old(site, requirement, seen):
    site.install("numpy", "2.2.6")
    site.install("mmdense", "0.1.0", requires=[requirement])
    finding = check_requirements()
    assert finding.seen == seen
    assert f"'{requirement}'" in finding.advice
