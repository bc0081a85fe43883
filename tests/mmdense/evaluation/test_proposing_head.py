"""Which part of a detector proposes regions."""

import mmdense  # noqa: F401

# isort: split
from types import SimpleNamespace

import pytest
from mmdet.models.dense_heads import RPNHead
from mmdet.models.detectors import RPN
from torch import nn

from mmdense.evaluation.proposing_head import proposing_head


def test_which_head_proposes():
    head = nn.Identity()
    assert proposing_head(SimpleNamespace(rpn_head=head, bbox_head=None)) is head
    rpn = RPN.__new__(RPN)
    nn.Module.__init__(rpn)
    rpn.bbox_head = RPNHead.__new__(RPNHead)
    nn.Module.__init__(rpn.bbox_head)
    assert proposing_head(rpn) is rpn.bbox_head
    for other in (nn.Identity(), SimpleNamespace(bbox_head=head)):  # a head of classes
        with pytest.raises(ValueError, match=f"{type(other).__name__}.*no rpn_head"):
            proposing_head(other)
