"""Cascade RPN: region proposals with adaptive convolution and anchors that are refined in stages.

Importing this package registers ``mmdense.CascadeRPNHead``, ``mmdense.AdaptiveConv2d``,
``mmdense.RegionAssigner`` and ``mmdense.OneClass``.
"""

from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d
from projects.cascade_rpn.cascade_rpn_head import CascadeRPNHead
from projects.cascade_rpn.one_class import OneClass
from projects.cascade_rpn.stage_samples import RegionAssigner

__all__ = ["AdaptiveConv2d", "CascadeRPNHead", "OneClass", "RegionAssigner"]
