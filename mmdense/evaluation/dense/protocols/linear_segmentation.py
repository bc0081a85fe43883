"""Linear segmentation: BatchNorm and a 1x1 convolution on frozen maps.

The head of DINOv2's linear evaluation (Oquab et al. 2023, section 7.4). Here it is trained on the
grid of patches: the loss of a patch is the cross entropy with the class fractions of its pixels,
weighted by their number. This equals the loss of pixels with logits upsampled by the nearest patch,
at 1/256 of the cost for patches of 16 pixels. There is no augmentation.

Letters: I images, B images of a batch, N patches, D channels, C classes.
"""

import torch
from torch import Tensor, nn

__all__ = ["fit_linear_head"]


def fit_linear_head(
    features: Tensor,
    counts: Tensor,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Return a head from features [M, D] to logits [M, C], in eval mode.

    AdamW with a learning rate that decreases to 0 along a cosine. The images of step t are drawn by
    a generator with the seed (seed, t).

    Args:
        features: Of the training images. [I, N, D]
        counts: Pixels of each class. [I, N, C]
        steps: Number of steps.
        batch: B, at most I are used.
        learning_rate: Of the first step.
        weight_decay: Of weight and bias.
        seed: Of weights and batches.
        device: Where the head is trained; batches are copied to it.

    Raises:
        ValueError: No pixel has a label, the loss is not finite, or there is no step or image.
    """
    if min(steps, batch) < 1:
        raise ValueError(f"steps and batch must be 1 or more, found {steps} and {batch}")
    if not counts.any():
        raise ValueError("no pixel of the training images has a label")
    channels, classes = features.shape[2], counts.shape[2]
    generator = torch.Generator().manual_seed(seed)
    norm, linear = nn.BatchNorm1d(channels), nn.Linear(channels, classes)
    nn.init.normal_(linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(linear.bias)
    head = nn.Sequential(norm, linear).to(device)
    optimiser = torch.optim.AdamW(head.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    with torch.enable_grad():
        for step in range(steps):
            chosen = _images(len(features), batch, seed=seed, step=step)  # [B]
            pixels = counts[chosen].flatten(0, 1).to(device)  # [B N, C]
            logits = head(features[chosen].flatten(0, 1).to(device))  # [B N, C]
            loss = -(pixels * logits.log_softmax(dim=1)).sum() / pixels.sum().clamp(min=1)
            if not loss.isfinite():
                raise ValueError(f"linear segmentation: the loss of step {step} is {loss.item()}")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return head.eval()


def _images(total: int, batch: int, *, seed: int, step: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed * 2**32 + step)
    return torch.randperm(total, generator=generator)[:batch]
