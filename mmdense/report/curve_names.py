"""Titles of curves, with units, from their keys in a record."""

import re
from collections.abc import Callable

_KNOWN = {
    "train/loss": "training loss",
    "train/lr": "learning rate",
    "train/acc": "accuracy of the box classes, %",
    "train/loss_cls": "loss of the box classes",
    "train/loss_bbox": "loss of the boxes",
    "train/loss_rpn_cls": "loss of the RPN's classes",
    "train/loss_rpn_bbox": "loss of the RPN's boxes",
    "train/loss_mask": "loss of the masks",
    "train/decode.acc_seg": "pixel accuracy in training, %",
    "train/decode.loss_ce": "cross-entropy of the pixels",
    "train/aux.loss_ce": "cross-entropy, auxiliary head",
    "val/aAcc": "pixel accuracy, %",
    "val/mAcc": "pixel accuracy, mean of classes, %",
    "val/mIoU": "mean IoU of the classes, %",
    "collapse/m_o": "m_o, length of the centre",
    "collapse/m_r": "m_r, mean length of the residual",
    "collapse/m_o_before_norm": "m_o before the last BatchNorm",
    "collapse/p_m_o": "m_o of the predictions",
    "collapse/p_m_r": "m_r of the predictions",
    "collapse/p_std": "std of a channel, predictions",
    "collapse/std": "std of a channel",
    "collapse/covariance": "off-diagonal covariance",
    "collapse/rank": "rank in a batch, dimensions",
    "collapse/o_e": "o_e, centre of the extra gradient",
    "collapse/r_e": "r_e, residual of the extra gradient",
    "collapse/r_e_decorrelates": "cosine of r_e with de-correlation",
    "collapse/entropy": "entropy of the teacher's assignments, nats",
    "collapse/kl": "divergence of the student from the teacher, nats",
    "collapse/patch_entropy": "entropy of the assignments of patches, nats",
    "collapse/patch_kl": "divergence of the student from the teacher, patches, nats",
    "collapse/patch_m_o": "m_o of the patches",
    "train/loss_patch": "weighted loss of the patches",
    "collapse/eta_p": "eta_p, part of o_p in o_z - o_p",
    "collapse/eta_z": "eta_z, part of o_z in o_p - o_z",
}
_KINDS = {"bbox": "box ", "segm": "mask ", "cls": "classes", "reg": "boxes"}
_SIZES = {
    **{"s": " of small objects", "m": " of medium objects", "l": " of large objects"},
    **{"small": " of small objects", "medium": " of medium objects", "large": " of large objects"},
    **{"50": " at IoU 0.5", "75": " at IoU 0.75"},
}
# The first pattern that matches the whole key applies. Groups that do not match are empty.
_PATTERNS: tuple[tuple[str, Callable[..., str]], ...] = (
    (
        r"train/s(\d+)\.loss_rpn_(cls|reg)",
        lambda stage, kind: f"loss of the RPN's {_KINDS[kind]}, stage {int(stage) + 1}",
    ),
    (
        r"val/coco/(?:(bbox|segm)_)?mAP(?:_(50|75|[sml]))?",
        lambda kind, only: f"{_KINDS.get(kind, '')}AP{_SIZES.get(only, '')}",
    ),
    (
        r"val/(?:coco|proposals)/AR(?:_(small|medium|large|[sml]))?@?(\d+)",
        lambda size, count: f"AR{_SIZES.get(size, '')}, {count} boxes",
    ),
    (r"val/(?:accuracy|linear_probe)/top(\d+)", lambda k: f"top-{k} accuracy, %"),
    (r"val/knn/k(\d+)_top(\d+)", lambda k, top: f"k-NN top-{top} accuracy, k = {k}, %"),
)


def curve_words(key: str) -> str:
    """Return a title for the vertical axis.

    Args:
        key: Key such as ``train/loss`` or ``val/coco/bbox_mAP``. An unknown key is returned with
            spaces between its words.
    """
    if key in _KNOWN:
        return _KNOWN[key]
    for pattern, words in _PATTERNS:
        if found := re.fullmatch(pattern, key):
            return words(*found.groups(""))
    part, _, name = key.partition("/")
    name = re.sub(r"[_./]+", " ", name or part).strip()
    if name.startswith("loss "):
        return f"{name.removeprefix('loss ')} loss"
    return f"{name}, training" if part == "train" and "loss" not in name else name
