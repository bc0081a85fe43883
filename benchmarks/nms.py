"""NMS and the plain greedy loop over boxes."""

import torch

from benchmarks.timing import compare
from mmdense.ops.nms import nms


def greedy_loop(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    x1, y1, x2, y2 = boxes.unbind(1)
    areas = (x2 - x1) * (y2 - y1)
    order = scores.argsort(descending=True)
    kept = []
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        width = torch.minimum(x2[best], x2[order]) - torch.maximum(x1[best], x1[order])
        height = torch.minimum(y2[best], y2[order]) - torch.maximum(y1[best], y1[order])
        overlap = width.clamp(min=0) * height.clamp(min=0)
        iou = overlap / (areas[best] + areas[order] - overlap)
        order = order[iou <= iou_threshold]
    return torch.stack(kept)


def run() -> list[dict]:
    results = []
    for count in (2_000, 10_000):
        for extent, scene in ((1000, "spread over 1000 px"), (200, "crowded in 200 px")):
            generator = torch.Generator().manual_seed(0)
            corner = torch.rand(count, 2, generator=generator) * extent
            size = torch.rand(count, 2, generator=generator) * 60 + 10
            boxes = torch.cat((corner, corner + size), 1)
            scores = torch.randperm(count, generator=generator) / count
            kept = nms(boxes, scores, 0.7)
            assert torch.equal(kept, greedy_loop(boxes, scores, 0.7))
            results.append(
                compare(
                    f"NMS of {count} boxes, {scene}",
                    lambda boxes=boxes, scores=scores: nms(boxes, scores, 0.7),
                    lambda boxes=boxes, scores=scores: greedy_loop(boxes, scores, 0.7),
                    other_name="plain greedy loop",
                    setting=f"IoU 0.7, {len(kept)} kept, 10 to 70 px a side",
                    rounds=20 if count == 2_000 else 7,
                )
            )
    return results
