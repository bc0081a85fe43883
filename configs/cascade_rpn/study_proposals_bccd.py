"""Proposals on BCCD: from RPN to Cascade RPN, three seeds.

Paper: Cascade RPN, arXiv:1909.06720, its tables of proposals and its ablation, at a size for two
    cores.
Command: mmdense study configs/cascade_rpn/study_proposals_bccd.py --source FOLDER
Machine: two CPU cores, four hours, while other programs ran.
Expected: below, from the record.
Vary: seeds; each variant lists its changes to the model of the base config.
"""

_base_ = "../_base_/models/rpn_variants.py"

name = "proposals_bccd"
slug = "cascade_rpn"
task = "proposals"
seeds = [0, 1, 2]
data = [dict(name="bccd")]
base = "configs/cascade_rpn/rpn_r18_bccd.py"
_names = (
    "rpn",
    "one_anchor",
    "iterative",
    "iterative_plus",
    "alignment",
    "afab",
    "statistics",
    "cascade_1",
    "cascade_2",
    "cascade_3",
    "dilation_4",
)
variants = [_base_.rpn_variants.alone[name] for name in _names]
metrics = _base_.rpn_variants.metrics.proposals

_record = "cascade_rpn/2026-11-22_proposals_bccd"
expected = [
    dict(record=_record, metric="rpn/proposals/AR100/mean", value=0.622398, tolerance=0.02),
    dict(record=_record, metric="cascade_2/proposals/AR100/mean", value=0.650953, tolerance=0.03),
    dict(record=_record, metric="cascade_2/proposals/AR1000/mean", value=0.746467, tolerance=0.02),
]
