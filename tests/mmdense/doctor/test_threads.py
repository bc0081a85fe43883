import pytest

from mmdense.doctor.threads import check_threads


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)


@pytest.mark.parametrize(
    ("policy", "spin", "named"),
    [
        ("passive", "10000", None),
        ("passive", None, None),
        ("ACTIVE", None, "OMP_WAIT_POLICY=active"),
        (None, "5000000", "GOMP_SPINCOUNT=5000000"),
        ("passive", "infinity", "GOMP_SPINCOUNT=infinity"),
    ],
)
def test_settings_that_let_threads_spin_are_named(monkeypatch, policy, spin, named):
    for name, value in (("OMP_WAIT_POLICY", policy), ("GOMP_SPINCOUNT", spin)):
        if value is not None:
            monkeypatch.setenv(name, value)
    finding = check_threads()
    assert (finding and finding.seen.split(" is set")[0]) == named
