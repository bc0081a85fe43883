"""Artificial runs for the collapse report: smooth curves, with gaps, of one point."""

import math

from mmdense.collapse import history
from mmdense.report.collapse import figures
from mmdense.report.collapse.runs import Run

STEPS = ("m_o", "m_r", "std", "norm", "drift", "m_o_before_norm")
BATCHES = (
    *("covariance", "participation_ratio", "rank", "uniformity", "alignment", "rank_gap"),
    *("eta_p", "eta_z", "o_e", "r_e", "r_e_decorrelates", "predictor_lr"),
)
SPACES = (
    *("rank_me", "centred_rank_me", "eigenvalue_rank", "participation_ratio"),
    *("lidar", "auc", "alpha_req", "m_o", "std"),
)
FACTS = {
    "method": "SimSiam with LatentPredictHead",
    "batch": 64,
    "vectors": 128,
    "channels": 32,
    "centre_floor": 128**-0.5,
    "centre_hidden": False,
    "limits": {"centre": 0.95, "rank": 0.02, "least_rank": 2.0},
    "spaces": {space: {"images": 50, "channels": 32} for space in ("backbone", "projector")},
}


def value_of(name, step):
    """Return a plausible value of a reading."""
    wave = 0.5 + 0.3 * math.sin(step / 5 + len(name))
    if "rank" in name or "ratio" in name or name.endswith("lidar"):
        return 10 + 0.1 * step
    signs = {"eta_p": -0.3, "eta_z": 0.4, "uniformity": -3.0, "drift": 0.99, "covariance": 1e-4}
    return wave * signs.get(name, 1.0)


def made_up(
    name="made-up", *, steps=12, gaps=(), verdict="healthy", reason="all is well", **changes
):
    """A run with every reading; at the steps in ``gaps`` they are None, as a file has them."""
    kept = history.History()
    for step in range(1, steps + 1):
        values = {key: value_of(key, step) for key in (*STEPS, *BATCHES)}
        values |= {
            f"{space}/{key}": value_of(key, step)
            for space in ("backbone", "projector")
            for key in SPACES
        }
        kept.add(step, {key: math.nan if step in gaps else v for key, v in values.items()})
    for step in sorted({1, steps}):
        for space in ("backbone", "projector"):
            kept.add_spectrum(step, space, [step / (k + 1) ** 2 for k in range(30)])
    kept.facts.update(FACTS | changes)
    kept.verdict = (verdict, reason)
    return kept if name is None else run_of(kept, name)


def run_of(kept, name):
    """A history as the report has it, through what its file holds."""
    state = kept.state()
    curves = {
        key: [[s, v if math.isfinite(v) else None] for s, v in kept.points(key)]
        for key in state["curves"]
    }
    content = {"verdict": kept.verdict[0], "reason": kept.verdict[1], "curves": curves}
    return Run.of(name, {**content, "facts": kept.facts, "spectra": state["spectra"]})


def names_of_charts(runs):
    """Of the figures that the runs have readings for."""
    return [chart.name for chart in figures.charts_of(runs)]
