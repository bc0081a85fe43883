"""Collapse of variants of SimSiam on CIFAR-10 (JPEG), three seeds.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262, tables 1 to 4, figures 4, 5 and 6; there
    CIFAR-100, ResNet-18 of full width, 200 to 1000 epochs.
Command: mmdense study configs/pipelines/collapse_study.py --source FOLDER
Machine: two idle CPU cores, 90 minutes: 57 trainings of about three core-minutes;
    same_batch_10 takes twice as long.
Expected: below, from the record.
Vary: --variants NAME... trains only these; configs/simsiam_decomp has the published sizes.
"""

_base_ = "../_base_/models/siamese_variants.py"

name = "collapse_study"
slug = "simsiam_decomp"
task = "pretrain"
seeds = [0, 1, 2]
data = [dict(name="cifar10")]
base = "configs/simsiam_decomp/simsiam_minutes_cifar10.py"

_epoch = 39  # steps

_minutes = _base_.siamese_variants.minutes.to_dict()
_minutes["moving_average"]["changes"]["model"]["head"]["num_images"] = 5_000


def _phased(name, label, model, phases, **more):
    """A variant whose loss changes during training, at a constant rate: all phases are alike."""
    hook = dict(type="mmdense.PhaseHook", phases=phases, **more)
    changes = dict(model=model, default_hooks=dict(phases=hook), param_scheduler=[])
    return dict(name=name, label=label, group="phases", changes=changes)


def _rescued(name, how, loss):
    """Figure 5b: to an m_o of 0.95 by the naive loss, and back by another."""
    head = _minutes["rescue"]["changes"]["model"]["head"]
    spread = dict(type="mmdense.LossSumHead", losses=[dict(type=f"mmdense.{loss}Loss")])
    model = dict(head=dict(head, heads=dict(head["heads"], spread=spread)))
    phases = [dict(head="simsiam", length=5 * _epoch), dict(head="naive", length=20)]
    label = f"SimSiam, then naive Siamese for 20 steps, then {how}"
    return _phased(name, label, model, [*phases, dict(head="spread")])


_methods = ["simsiam", "inverse", "moving_average", "naive", "symmetric", "mirror", "same_batch_10"]
# Outcome in the paper: tables 1 to 4, figure 6, section 5. It calls m_o near 1 a collapse.
# The 25 views of table 1 are left out: they would take about four times as long as two.
_lives, _collapses = "lives", "collapses"
_outcomes = dict(
    simsiam=_lives,
    inverse=_lives,
    moving_average=_lives,
    naive=_collapses,
    symmetric=_collapses,
    mirror=_collapses,
    same_batch_10=_collapses,
    cut_simsiam_centre=_lives,
    cut_simsiam_residual=_lives,
    cut_simsiam_none=_collapses,
    cut_triplet_both=_lives,
    cut_triplet_centre=_lives,
    cut_triplet_residual=_collapses,
    infonce=_lives,
)
_groups = dict(
    methods=[_minutes[name] for name in _methods],
    simsiam_parts=[_minutes[f"cut_simsiam_{part}"] for part in ("centre", "residual", "none")],
    triplet_parts=[_minutes[f"cut_triplet_{part}"] for part in ("both", "centre", "residual")],
    order=[_minutes["infonce"]],
    last_norm=[_minutes[name] for name in ("simsiam_last_bn", "naive_last_bn")],
)
variants = [
    dict(variant, group=group) for group, members in _groups.items() for variant in members
] + [
    _phased(
        "alternation",
        "Along the residual for two epochs and to the centre for 27 steps, in turn",
        _minutes["alternation"]["changes"]["model"],
        # After two epochs with the centre, two epochs do not restore the residual here.
        [dict(head="residual", length=2 * _epoch), dict(head="centre", length=27)],
        cycle=True,
    ),
    _rescued("rescue", "de-correlation alone", "Decorrelation"),
    # If all vectors are equal, the de-correlation loss is minimal and the uniformity loss is
    # maximal.
    _rescued("rescue_uniformity", "uniformity alone", "Uniformity"),
]
variants = [
    dict(one, paper=_outcomes[one["name"]]) if one["name"] in _outcomes else one for one in variants
]
# Tables of variants of several groups.
tables = dict(
    simsiam_parts=["simsiam", "cut_simsiam_centre", "cut_simsiam_residual", "cut_simsiam_none"],
    eta=["simsiam", "inverse", "mirror"],
    order=["infonce", "simsiam", "cut_simsiam_centre"],
    last_norm=["simsiam", "simsiam_last_bn", "naive", "naive_last_bn"],
)
metrics = [
    dict(metric="collapse/collapsed", label="Collapsed", scale=1, count=True, verdict=True),
    dict(metric="collapse/m_o", label="m_o", scale=1, digits=3),
    dict(metric="collapse/m_r", label="m_r", scale=1, digits=3),
    dict(
        metric="collapse/m_o_before_norm",
        label="m_o before the last BatchNorm",
        scale=1,
        digits=3,
        optional=True,
    ),
    dict(metric="collapse/p_m_o", label="m_o of P", scale=1, digits=3, optional=True),
    dict(metric="collapse/std", label="std", scale=1, digits=4),
    dict(metric="collapse/covariance", label="covariance, 1e-4", scale=1e4, digits=2),
    dict(metric="collapse/rank", label="rank", scale=1),
    dict(metric="collapse/eta_p", label="eta_p", scale=1, digits=4, optional=True),
    dict(metric="collapse/eta_z", label="eta_z", scale=1, digits=4, optional=True),
    dict(metric="knn/k20_top1", label="k-NN, top-1 %", scale=1),
]

_record = "simsiam_decomp/2026-11-28_collapse_study"
expected = [
    dict(record=_record, metric="simsiam/collapse/m_o/mean", value=0.504633, tolerance=0.06),
    dict(record=_record, metric="naive/collapse/m_o/mean", value=0.999676, tolerance=0.01),
    dict(record=_record, metric="mirror/collapse/m_o/mean", value=0.999718, tolerance=0.01),
    dict(record=_record, metric="symmetric/collapse/p_m_o/mean", value=0.999879, tolerance=0.01),
    dict(
        record=_record,
        metric="cut_triplet_residual/collapse/m_o/mean",
        value=0.999681,
        tolerance=0.01,
    ),
    dict(record=_record, metric="simsiam/knn/k20_top1/mean", value=28.44, tolerance=3.0),
    dict(record=_record, metric="infonce/knn/k20_top1/mean", value=37.58, tolerance=3.0),
]
