"""Proposals on Collage (generated images): from RPN to Cascade RPN, three seeds.

Paper: Cascade RPN, arXiv:1909.06720, its tables of proposals and its ablation, at a size for two
    cores.
Command: mmdense study configs/cascade_rpn/study_proposals_collage.py --source FOLDER
Machine: two CPU cores, one hour.
Expected: below, from the record.
Vary: seeds; each variant lists its changes to the model of the base config.
"""

_base_ = "../_base_/models/rpn_variants.py"

name = "proposals_collage"
slug = "cascade_rpn"
task = "proposals"
seeds = [0, 1, 2]
data = [dict(name="collage", size="small")]
base = "configs/cascade_rpn/rpn_r18_collage.py"
_names = ("rpn", "iterative", "iterative_plus", "cascade_1", "cascade_2", "cascade_3")
variants = [_base_.rpn_variants.alone[name] for name in _names]
metrics = _base_.rpn_variants.metrics.proposals

_record = "cascade_rpn/2026-11-22_proposals_collage"
expected = [
    dict(record=_record, metric="rpn/proposals/AR100/mean", value=0.173528, tolerance=0.01),
    dict(record=_record, metric="cascade_2/proposals/AR100/mean", value=0.236893, tolerance=0.03),
    dict(record=_record, metric="cascade_2/proposals/AR1000/mean", value=0.501683, tolerance=0.03),
]
