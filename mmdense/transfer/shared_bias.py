"""Relative positions of BEiT: one table for all blocks, as it is pretrained, or one in each.

Both are added to the scores of attention in the same way, so one table for all is the same as that
table in each block. The way back exists where all blocks have the same.
"""

from __future__ import annotations

from collections.abc import Container

import torch
from torch import Tensor

from mmdense.transfer.templates import fill_template, match_template

__all__ = ["SHARED_BIAS", "fit_shared_bias"]

SHARED_BIAS = "rel_pos_bias.relative_position_bias_table"
_OWN = "blocks.{i}.attn.relative_position_bias_table"
_BLOCK = "blocks.{i}.norm1.weight"  # every block has it


def fit_shared_bias(
    values: dict[str, Tensor], needs: Container[str], notes: dict[str, str]
) -> list[str]:
    """Put the tables where the target has a place for them, if that is the same function.

    Args:
        values: of the source by canonical names, changed in place; tables are [rows, heads].
        needs: canonical names of the target.
        notes: what was done by canonical names, added to.

    Returns:
        Names of the tables of the source that stand in others now.
    """
    blocks = [fields for name in values if (fields := match_template(_BLOCK, name)) is not None]
    own = [fill_template(_OWN, fields) for fields in blocks]
    if SHARED_BIAS in values and SHARED_BIAS not in needs and all(name in needs for name in own):
        shared = values[SHARED_BIAS]
        for name in own:
            values[name] = values[name] + shared if name in values else shared
            notes[name] = "from the table of all blocks"
        return [SHARED_BIAS]
    if SHARED_BIAS not in needs or SHARED_BIAS in values or any(name in needs for name in own):
        return []
    tables = [values[name] for name in own if name in values]
    if not tables or len(tables) < len(own):
        return []
    if not all(torch.equal(table, tables[0]) for table in tables):
        return []
    values[SHARED_BIAS] = tables[0]
    notes[SHARED_BIAS] = "the same in all blocks"
    return own
