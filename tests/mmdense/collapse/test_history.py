"""Curves, spectra and the verdict as JSON."""

import json
import math

import pytest
import torch

from mmdense.collapse.history import History, read_history
from mmdense.collapse.verdict import Verdict


def filled():
    history = History()
    history.facts["channels"] = 8
    for step in range(1, 4):
        history.add(step, {"m_o": step / 10, "odd": math.nan if step == 2 else 1.0})
    history.verdict = Verdict("healthy", "the reason")
    return history


def test_what_is_written_is_read(tmp_path):
    filled().write(tmp_path)
    found = read_history(tmp_path)
    assert found["verdict"] == "healthy"
    assert found["reason"] == "the reason"
    assert found["facts"] == {"channels": 8}
    assert found["curves"]["m_o"] == [[1, 0.1], [2, 0.2], [3, 0.3]]
    assert found["curves"]["odd"] == [[1, 1.0], [2, None], [3, 1.0]]


def test_it_goes_on_from_its_state(tmp_path):
    before = filled()
    before.judgements, before.seen = ["complete collapse"], {"complete collapse"}
    history = History(before.state())
    json.dumps(history.state())
    assert (history.judgements, history.seen) == (["complete collapse"], {"complete collapse"})
    assert history.last("m_o") == pytest.approx(0.3)
    assert history.last("nothing") is None
    history.add(4, {"m_o": 0.4})
    history.write(tmp_path)
    assert len(read_history(tmp_path)["curves"]["m_o"]) == 4


def test_a_long_spectrum_keeps_its_largest_values():
    history = History()
    features = torch.randn(600, 520, generator=torch.Generator().manual_seed(0))
    history.add_spaces(1, {"backbone": features[:, None]}, {})
    (kept,) = history.state()["spectra"]
    assert (kept["space"], kept["channels"], len(kept["values"])) == ("backbone", 520, 512)
    assert kept["values"][0] == max(kept["values"])
    assert history.facts["spaces"] == {"backbone": {"images": 600, "channels": 520}}


def test_a_run_without_the_hook(tmp_path):
    with pytest.raises(FileNotFoundError, match="no collapse.json.*custom_hooks"):
        read_history(tmp_path)


def test_a_reading_that_is_absent_now_has_no_last_value():
    history = History()
    history.add(1, {"m_o": 0.5, "p_m_o": 0.9}, of=("m_o", "p_m_o"))
    history.add(1, {"rank": 7.0}, of=("rank",))
    history.add(2, {"m_o": 0.4}, of=("m_o", "p_m_o"))
    again = History(history.state())
    for one in (history, again):
        assert one.last("p_m_o") is None
        assert one.last("rank") == 7.0
        assert one.points("p_m_o") == [[1, 0.9]]
    again.add(3, {"m_o": 0.4, "p_m_o": 0.8}, of=("m_o", "p_m_o"))
    assert again.last("p_m_o") == 0.8
