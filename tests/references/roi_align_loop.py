"""RoIAlign as loops over RoIs, bins and samples (He et al. 2017, section 3)."""

import math

import torch

from tests.references.bilinear_loop import read_point


def roi_align_loop(maps, rois, output_size, *, spatial_scale, sampling_ratio, aligned, pool):
    """Pooled features [R, C, P, Q]; ``pool`` is "avg" or "max"."""
    channels, height, width = maps.shape[1:]
    rows, columns = output_size
    pooled = maps.new_zeros(len(rois), channels, rows, columns)
    for r, (image, *corners) in enumerate(rois.tolist()):
        if not all(math.isfinite(corner) for corner in corners):
            continue
        x1, y1, x2, y2 = (c * spatial_scale - (0.5 if aligned else 0) for c in corners)
        roi_height, roi_width = y2 - y1, x2 - x1
        if not aligned:
            roi_height, roi_width = max(roi_height, 1), max(roi_width, 1)
        if roi_height < 0 or roi_width < 0:
            continue
        bin_height, bin_width = roi_height / rows, roi_width / columns
        per_y = sampling_ratio or math.ceil(bin_height)
        per_x = sampling_ratio or math.ceil(bin_width)
        for p in range(rows):
            for q in range(columns):
                samples = [
                    _sample(
                        maps[int(image)],
                        y1 + (p + (s + 0.5) / per_y) * bin_height,
                        x1 + (q + (t + 0.5) / per_x) * bin_width,
                        height,
                        width,
                    )
                    for s in range(per_y)
                    for t in range(per_x)
                ]
                if samples and pool == "avg":
                    pooled[r, :, p, q] = sum(samples) / len(samples)
                elif samples:
                    for c in range(channels):
                        pooled[r, c, p, q] = torch.stack([s[c] for s in samples]).amax()
    return pooled


def _sample(image, y, x, height, width):
    if not (-1 <= y <= height and -1 <= x <= width):
        return image.new_zeros(image.shape[0])
    return read_point(image, min(max(y, 0), height - 1), min(max(x, 0), width - 1))
