"""Features of a frozen backbone for a data loader, and those of all processes in their order.

Letters: B batch of one process, C channels (= D, length of a feature), H and W of the last stage,
N images, W processes.
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_gather, get_world_size
from mmengine.logging import MMLogger
from torch import Tensor, nn


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
    [B, C] is used directly. Of the tokens of a transformer, the class token is used, or else the
    mean of the patches. The backbone is in eval mode until the iterator ends or is closed; then
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
            neither a map, nor a vector, nor the tokens of a transformer of MMPretrain.
    """
    with evaluating(backbone):
        for batch in loader:
            data = preprocess(batch)
            inputs = data["inputs"].contiguous(memory_format=torch.channels_last)  # [B, 3, H, W]
            with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=amp):
                outputs = backbone(inputs)
            yield _pooled(outputs, backbone), _labels(data["data_samples"])


def gather_batches(
    batches: Iterator[tuple[Tensor, Tensor]], *, rows: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows of all processes; process r has the rows r, r + W, r + 2 W ...

    This needs memory for one batch of each process only.

    Args:
        batches: Features and labels of this process. All batches but the last are full; the last
            one can be missing if W does not divide the rows. [<=B, D] and [<=B]
        rows: Number of rows of all processes, at least W.
        batch_size: B.

    Yields:
        The next rows of the data set on the device of the features. [<=W * B, D] and [<=W * B]
    """
    world_size = get_world_size()
    if world_size == 1:
        yield from batches
        return
    start = 0
    none_left = torch.empty(0), torch.empty(0, dtype=torch.long)
    for _ in range(math.ceil(math.ceil(rows / world_size) / batch_size)):
        features, labels = next(batches, none_left)
        if len(features):
            none_left = features[:0], labels[:0]
        labels = labels.to(features.device)
        left = rows - start
        yield _interleaved(features, batch_size)[:left], _interleaved(labels, batch_size)[:left]
        start += world_size * batch_size


def _interleaved(own: Tensor, batch_size: int) -> Tensor:
    """Row 0 of every process, row 1 of every process, ...; [W * B, ...] of [<=B, ...]."""
    padded = own.new_zeros(batch_size, *own.shape[1:])  # [B, ...]
    padded[: len(own)] = own
    return torch.stack(all_gather(padded), dim=1).flatten(0, 1)  # [W * B, ...]


def _pooled(outputs: Any, backbone: nn.Module) -> Tensor:
    """One vector an image, [B, C], from the last stage."""
    last = outputs[-1] if isinstance(outputs, (tuple, list)) else outputs
    extra = getattr(backbone, "num_extra_tokens", None)  # of a transformer
    if last.ndim == 3 and extra is not None:
        return last[:, 0].float() if extra else last.float().mean(dim=1)
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


def initialise(backbone: Any) -> None:
    """Fill a backbone with random weights, without a log line for each of them."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel("WARNING")
    backbone.init_weights()
    logger.setLevel(level)
