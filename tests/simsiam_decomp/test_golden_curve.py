"""Twenty steps of the methods on the CPU, one thread, against stored curves.

To store the curves of a change of the losses, set GOLDEN=write in the environment.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.simsiam_decomp.small_views import MLP, D, build, total, views

CURVES = Path(__file__).resolve().parents[1] / "golden" / "simsiam_decomp.json"
CUT = {"type": "mmdense.ComponentCutHead", "method": "simsiam", "predictor": MLP}
HEADS = {
    "simsiam": {"type": "mmdense.SimSiamHead", "predictor": MLP},
    "naive": {"type": "mmdense.NaiveSiameseHead"},
    "inverse": {"type": "mmdense.InversePredictorHead", "predictor": MLP},
    "infonce": {"type": "mmdense.InfoNCEHead", "temperature": 0.2},
    "o_e": {**CUT, "centre_weight": 1.0, "residual_weight": 0.0},
    "r_e": {**CUT, "centre_weight": 0.0, "residual_weight": 1.0},
    "vicreg": {
        "type": "mmdense.LossSumHead",
        "losses": [{"type": "mmdense.VICRegLoss", "weight": 0.02}],
    },
}


def train(config, steps=20):
    """Losses of an encoder of two layers on 32 images that stay the same."""
    torch.set_num_threads(1)
    head = build(config)
    torch.manual_seed(1)
    encoder = nn.Sequential(nn.Linear(D, D), nn.ReLU(), nn.Linear(D, D))
    weights = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    given = [view.detach() for view in views(count=32)]
    curve = []
    for _ in range(steps):
        loss = total(head.loss([encoder(view) for view in given], []))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    return curve


@pytest.mark.parametrize("name", HEADS)
def test_the_losses_follow_the_stored_curve(name):
    curve = train(HEADS[name])
    stored = json.loads(CURVES.read_text()) if CURVES.is_file() else {}
    if os.environ.get("GOLDEN") == "write":
        stored[name] = curve
        CURVES.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    assert len(stored[name]) == 20
    assert curve == pytest.approx(stored[name], rel=1e-3, abs=1e-5)
    assert curve[-1] < curve[0]


def test_simsiam_overfits_a_few_images():
    assert train(HEADS["simsiam"], steps=300)[-1] < -0.95
