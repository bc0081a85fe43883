"""Tables of Cascade RPN and its rows of the summary."""

from mmdense.report.project_tables import Headline
from mmdense.report.tables import kept_benchmarks, kept_study

_METHOD = "Cascade RPN, two stages"
_STRONG = ("cascade_2", "cascade_2_strict")  # the method of the paper

TABLES = {
    "cascade_rpn_cost": kept_benchmarks("cascade_rpn", "Part", costs=True),
    **{
        f"cascade_rpn_{study}": kept_study("cascade_rpn", study, baseline="rpn", strong=_STRONG)
        for study in (
            *("detection_bccd", "detection_bccd_pretrained", "detection_collage"),
            *("proposals_bccd", "proposals_collage"),
        )
    },
}

HEADLINES = [
    *(
        Headline(_METHOD, "cascade_rpn", study, data, metric, "cascade_2", "rpn")
        for study, data, metric in (
            ("proposals_bccd", "BCCD, proposals", "proposals/AR100"),
            ("proposals_collage", "Collage (synthetic), proposals", "proposals/AR100"),
            ("detection_bccd", "BCCD, Faster R-CNN", "coco/bbox_mAP_75"),
            ("detection_collage", "Collage (synthetic), Faster R-CNN", "coco/mAP_75"),
        )
    ),
    Headline(
        *(_METHOD, "cascade_rpn", "detection_bccd_pretrained"),
        *("BCCD, Faster R-CNN, pretrained, RoI head of the paper", "coco/bbox_mAP_75"),
        *("cascade_2_strict", "rpn_strict"),
    ),
]
