"""Greedy NMS and its relatives as plain loops over boxes."""

import math

import numpy as np


def iou(a, b, offset=0):
    """IoU of two boxes in float32; 0 where it is not defined."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    one = np.float32(offset)
    with np.errstate(all="ignore"):
        area_a = (a[2] - a[0] + one) * (a[3] - a[1] + one)
        area_b = (b[2] - b[0] + one) * (b[3] - b[1] + one)
        width = min(a[2], b[2]) - max(a[0], b[0]) + one
        height = min(a[3], b[3]) - max(a[1], b[1]) + one
        if not (width > 0 and height > 0):
            return np.float32(0)
        overlap = width * height
        value = overlap / (area_a + area_b - overlap)
    return value if math.isfinite(value) else np.float32(0)


def by_score(scores):
    """Indices in descending order of score, NaN first, the lower index first among equals."""
    return sorted(range(len(scores)), key=lambda i: (not math.isnan(scores[i]), -scores[i], i))


def nms_loop(boxes, scores, threshold, offset=0, groups=None):
    """Indices kept."""
    threshold = np.float32(threshold)
    kept = []
    for i in by_score(scores):
        rivals = [k for k in kept if groups is None or groups[k] == groups[i]]
        if all(iou(boxes[k], boxes[i], offset) <= threshold for k in rivals):
            kept.append(i)
    return kept


def nms_match_loop(boxes, scores, threshold):
    """Groups of a kept box and those that it suppresses."""
    groups = []
    for i in by_score(scores):
        for group in groups:
            if iou(boxes[group[0]], boxes[i]) >= np.float32(threshold):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def soft_nms_loop(boxes, scores, decay, min_score, offset=0):
    """Pairs (index, score) in the order taken."""
    left = dict(enumerate(scores))
    taken = []
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        taken.append((best, left.pop(best)))
        for i in list(left):
            left[i] *= decay(iou(boxes[best], boxes[i], offset))
            if left[i] < min_score:
                del left[i]
    return taken
