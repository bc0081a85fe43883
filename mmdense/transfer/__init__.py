"""From a checkpoint to a backbone, strictly, in three steps: find, plan, apply.

1. :mod:`~mmdense.transfer.find` lists the backbones in a file, by the key naming schemes of their
   publishers (:mod:`~mmdense.transfer.naming_schemes`).
2. :mod:`~mmdense.transfer.plan` decides for every weight whether it is loaded, resized, converted,
   folded, missing or left over; :mod:`~mmdense.transfer.silent_mismatch` finds weights that have
   the right shape and another meaning.
3. :mod:`~mmdense.transfer.apply` loads the plan, or nothing, and returns a
   :class:`~mmdense.transfer.report.TransferReport`. Configs use
   :mod:`~mmdense.transfer.strict_pretrained` or ``mmdense.LoadBackboneHook``; tools/transfer.py
   uses :mod:`~mmdense.transfer.convert`.
"""
