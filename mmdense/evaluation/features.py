"""Features of a frozen backbone for a data loader.

Letters: B batch, C channels (= D, length of a feature), H and W of the last stage, N images.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.evaluation.knn import non_finite_rows


@torch.no_grad()
def frozen_features(
    backbone: nn.Module,
    loader: Iterable[dict],
    preprocess: Callable[[dict], dict],
    *,
    amp: bool = False,
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Yield features and labels, batch by batch.

    The last output of the backbone is used: a map [B, C, H, W] is averaged over positions, a vector
    [B, C] is used directly. The backbone is in eval mode until the iterator ends or is closed; then
    the mode of each module is restored.

    Args:
        backbone: Returns a tensor, or a tuple with one tensor a stage.
        loader: Yields batches in the format of MMPretrain.
        preprocess: Data preprocessor of the model: moves a batch to the device of the backbone and
            normalises it; returns ``inputs`` [B, 3, H, W] and ``data_samples``.
        amp: Use autocast with bfloat16. Features are float32 in any case.

    Yields:
        Features in float32 on the device of the backbone, not checked for NaN; labels on the CPU.
        [B, D] and [B]

    Raises:
        ValueError: An image does not have exactly one label, or the output of the backbone is
            neither a map nor a vector.
    """
    with evaluating(backbone):
        for batch in loader:
            data = preprocess(batch)
            inputs = data["inputs"].contiguous(memory_format=torch.channels_last)  # [B, 3, H, W]
            with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=amp):
                outputs = backbone(inputs)
            yield _pooled(outputs), _labels(data["data_samples"])


def check_finite(features: Tensor) -> None:
    """Raise a ValueError that counts the rows of ``features`` [N, D] with NaN or infinity."""
    bad = len(non_finite_rows(features))
    if bad:
        raise ValueError(f"features of {bad} of {len(features)} images contain NaN or infinity")


def _pooled(outputs: Any) -> Tensor:
    """One vector an image, [B, C], from the last stage."""
    last = outputs[-1] if isinstance(outputs, (tuple, list)) else outputs
    if last.ndim == 4:
        return last.float().mean(dim=(2, 3))  # [B, C]
    if last.ndim == 2:
        return last.float()
    raise ValueError(
        f"the backbone returned {tuple(last.shape)}, expected a map [B, C, H, W] or a vector "
        "[B, C]; for a vision transformer set out_type='avg_featmap' or 'cls_token'"
    )


def _labels(samples: list) -> Tensor:
    """The class of each image, [B]."""
    labels = []
    for sample in samples:
        label = getattr(sample, "gt_label", None)
        if label is None or label.numel() != 1:
            found = 0 if label is None else label.numel()
            facts = getattr(sample, "metainfo", {})
            image = facts.get("img_path") or f"number {facts.get('sample_idx', 'unknown')}"
            raise ValueError(
                f"image {image} has {found} labels in data_samples.gt_label, expected one. Use a "
                "data set with one class for each image"
            )
        labels.append(label.reshape(()).cpu())
    return torch.stack(labels).long()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Context with the model in eval mode; restores the mode of each module."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
