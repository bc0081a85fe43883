"""RoIAlign and an implementation with grid_sample, two samples for each bin and axis."""

import torch
import torch.nn.functional as F

from benchmarks.timing import compare
from mmdense.ops.roi_align import roi_align


def grid_sample_roi_align(
    maps: torch.Tensor,
    rois: torch.Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
) -> torch.Tensor:
    """Naive aligned average RoIAlign for RoIs inside the map."""
    P, Q = output_size
    N, C, H, W = maps.shape
    samples = sampling_ratio or 2
    corners = rois[:, 1:] * spatial_scale - 0.5
    steps_y = (torch.arange(P * samples) + 0.5) / (P * samples)
    steps_x = (torch.arange(Q * samples) + 0.5) / (Q * samples)
    x = corners[:, :1] + steps_x * (corners[:, 2:3] - corners[:, :1])  # [R, Q * S]
    y = corners[:, 1:2] + steps_y * (corners[:, 3:] - corners[:, 1:2])  # [R, P * S]
    x = x.clamp(0, W - 1) * 2 / max(W - 1, 1) - 1
    y = y.clamp(0, H - 1) * 2 / max(H - 1, 1) - 1
    shape = (len(rois), P * samples, Q * samples)
    grid = torch.stack((x[:, None].expand(shape), y[:, :, None].expand(shape)), -1)
    pooled = maps.new_zeros(len(rois), C, P, Q)
    for image in range(N):
        mine = (rois[:, 0] == image).nonzero().squeeze(1)
        if len(mine):
            flat = grid[mine].reshape(1, -1, Q * samples, 2)
            values = F.grid_sample(maps[image : image + 1], flat, align_corners=True)
            values = values.view(C, len(mine), P * samples, Q * samples).transpose(0, 1)
            pooled = pooled.index_copy(0, mine, F.avg_pool2d(values, samples))
    return pooled


def run() -> list[dict]:
    rois_count, channels, height, width = 512, 256, 100, 168
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(1, channels, height, width, generator=generator, requires_grad=True)
    size = torch.rand(rois_count, 2, generator=generator) * 88 + 24
    corner = torch.rand(rois_count, 2, generator=generator) * (
        torch.tensor([width * 4, height * 4]) - size
    )
    rois = torch.cat((torch.zeros(rois_count, 1), corner, corner + size), 1)
    grad = torch.randn(rois_count, channels, 7, 7, generator=generator)

    def ours() -> torch.Tensor:
        return roi_align(maps, rois, (7, 7), spatial_scale=0.25, sampling_ratio=2)

    def naive() -> torch.Tensor:
        return grid_sample_roi_align(maps, rois, (7, 7), 0.25, 2)

    torch.testing.assert_close(ours(), naive(), atol=1e-4, rtol=1e-4)
    setting = "512 RoIs of 24 to 112 px at stride 4, 256 channels, 7x7 bins, 2x2 samples, float32"
    return [
        compare(
            "RoIAlign forward", ours, naive, other_name="grid_sample", setting=setting, rounds=9
        ),
        compare(
            "RoIAlign forward and backward",
            lambda: torch.autograd.grad(ours(), maps, grad),
            lambda: torch.autograd.grad(naive(), maps, grad),
            other_name="grid_sample",
            setting=setting,
            rounds=9,
        ),
    ]
