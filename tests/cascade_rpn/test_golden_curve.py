"""Twenty steps of the published head on the CPU, one thread, against a stored curve.

Set GOLDEN=write to store a new curve after an intended change.
"""

import json
import os
from pathlib import Path

import pytest
import torch

from tests.cascade_rpn.small_head import build_head, features, samples

CURVE = Path(__file__).resolve().parents[1] / "golden" / "cascade_rpn.json"


def test_the_losses_follow_the_stored_curve():
    head, maps, data = build_head(std=0.05), features(), samples()
    optimizer = torch.optim.SGD(head.parameters(), lr=0.02, momentum=0.9)
    torch.manual_seed(0)
    curve = []
    for _ in range(20):
        losses = head.loss(maps, data)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 10)
        optimizer.step()
        curve.append({name: value.item() for name, value in losses.items()})
    if os.environ.get("GOLDEN") == "write":
        CURVE.parent.mkdir(exist_ok=True)
        CURVE.write_text(json.dumps(curve, indent=1) + "\n")
    stored = json.loads(CURVE.read_text())
    assert len(stored) == 20
    for ours, theirs in zip(curve, stored):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)
    assert sum(curve[-1].values()) < 0.8 * sum(curve[0].values())
