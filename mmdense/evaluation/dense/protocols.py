"""The protocols of dense evaluation by name."""

from mmdense.evaluation.dense.label_propagation import Propagation
from mmdense.evaluation.dense.protocol import Needs, Protocol
from mmdense.evaluation.dense.segmentation_protocols import SEGMENTATION
from mmdense.evaluation.dense.unlabelled_protocols import (
    Correspondence,
    ObjectDiscovery,
    PositionProbe,
    measure_correspondence,
    measure_discovery,
    measure_position,
    measure_propagation,
    settle_discovery,
)

__all__ = ["PROTOCOLS"]

PROTOCOLS: dict[str, Protocol] = {
    **SEGMENTATION,
    "object_discovery": Protocol(
        ObjectDiscovery(),
        measure_discovery,
        Needs.BOXES,
        "Percent of the images in which LOST finds an annotated object (CorLoc, arXiv:2109.14279).",
        settle_discovery,
    ),
    "correspondence": Protocol(
        Correspondence(),
        measure_correspondence,
        Needs.NOTHING,
        "Percent of the patches that are found again in a warped image (PCK), by their distance "
        "in percent of its side.",
    ),
    "label_propagation": Protocol(
        Propagation(),
        measure_propagation,
        Needs.VIDEOS,
        "Region and boundary accuracy of the labels of the first frame, propagated to the others "
        "(DAVIS, arXiv:2006.14613 and 2104.14294).",
    ),
    "position": Protocol(
        PositionProbe(),
        measure_position,
        Needs.NOTHING,
        "R^2 of row and column of a patch, predicted from its feature; a small value is better "
        "(arXiv:2603.16840).",
    ),
}
