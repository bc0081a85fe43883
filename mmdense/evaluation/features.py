"""Features of a frozen backbone over a data loader.

Letters: B batch, C channels (= D, the feature's length), H and W of the last stage, N images.
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
    """Features and labels of one batch after the other.

    The last output of the backbone counts: a map [B, C, H, W] is averaged over its positions, a
    vector [B, C] is taken as it is. The backbone is in eval mode until the iterator ends or is
    closed; the mode of each of its modules is then as before.

    Args:
        backbone: Returns a tensor, or a tuple with one tensor a stage.
        loader: Yields batches as MMPretrain collates them.
        preprocess: The model's data preprocessor: moves a batch to the device of the backbone and
            normalises it; its result has ``inputs`` [B, 3, H, W] and ``data_samples``.
        amp: Compute in bfloat16 where autocast does so. Features are float32 either way.

    Yields:
        Features in float32 on the device of the backbone, finite or not, and labels on the CPU.
        [B, D] and [B]

    Raises:
        ValueError: An image without exactly one label, or a backbone whose output is neither a map
            nor a vector.
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
        raise ValueError(f"features of {bad} of {len(features)} images hold NaN or infinity")


def _pooled(outputs: Any) -> Tensor:
    """One vector an image, [B, C], from the last stage."""
    last = outputs[-1] if isinstance(outputs, (tuple, list)) else outputs
    if last.ndim == 4:
        return last.float().mean(dim=(2, 3))  # [B, C]
    if last.ndim == 2:
        return last.float()
    raise ValueError(
        f"the backbone returned {tuple(last.shape)}, expected a map [B, C, H, W] or a vector "
        "[B, C]; a vision transformer gives one with out_type='avg_featmap' or 'cls_token'"
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
                f"image {image} has {found} labels in data_samples.gt_label, and a probe needs "
                "exactly one; give the data loader a labelled split of one class an image"
            )
        labels.append(label.reshape(()).cpu())
    return torch.stack(labels).long()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside; each module's own mode again outside."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
