"""k-NN and linear probe on frozen features, over all processes.

The tools and the hooks measure with the same functions. All processes call them, and each one
scores the test images that it has.

Letters: N bank, Q queries of all processes, R queries of this process, D channels, C classes.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import torch
from mmengine.dist import all_reduce, broadcast_object_list, is_main_process
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdense.evaluation.feature_bank import RAM_LIMIT_MIB, fill_bank
from mmdense.evaluation.features import frozen_features, gather_batches
from mmdense.evaluation.knn import knn_classify, non_finite_rows
from mmdense.evaluation.linear_probe import STRENGTHS, LinearProbe, fit_linear_probe
from mmdense.evaluation.probe_loaders import image_count


class ProbeFeatures(NamedTuple):
    """Features of all train images, and of the test images of this process.

    Attributes:
        bank: Features of the train images, on the CPU. [N, D]
        bank_labels: On the CPU. [N]
        queries: Features of test images, on the device of the model. [R, D]
        query_labels: On the device of the model. [R]
        num_classes: C, over all processes.
    """

    bank: Tensor
    bank_labels: Tensor
    queries: Tensor
    query_labels: Tensor
    num_classes: int

    def count_non_finite(self) -> int:
        """Return the number of train and test images of all processes with NaN or infinity."""
        bad = self.query_labels.new_tensor(len(non_finite_rows(self.queries)))
        all_reduce(bad)
        return int(bad) + len(non_finite_rows(self.bank))


def extract_probe_features(
    backbone: nn.Module,
    preprocess: nn.Module,
    loaders: tuple[DataLoader, DataLoader],
    *,
    where: str,
    folder: str,
    amp: bool = False,
    ram_limit_mib: float = RAM_LIMIT_MIB,
) -> ProbeFeatures:
    """Return the features of the images of both loaders, not checked for NaN.

    Args:
        backbone: As in :func:`~mmdense.evaluation.features.frozen_features`.
        preprocess: As in that function.
        loaders: Of the train and test images, from
            :func:`~mmdense.evaluation.probe_loaders.build_probe_loaders`.
        where: Start of error messages.
        folder: Folder of the file of a large bank.
        amp: Whether to use bfloat16.
        ram_limit_mib: Above this size the bank is in a memory-mapped file.

    Raises:
        ValueError: An image has no label.
    """
    device = next(backbone.parameters()).device
    preprocess.to(device)
    train, test = (frozen_features(backbone, loader, preprocess, amp=amp) for loader in loaders)
    rows, batch_size = image_count(loaders[0]), loaders[0].batch_size or 1
    with closing(train), closing(test):  # restores modes, also after an error
        gathered = gather_batches(train, rows=rows, batch_size=batch_size)
        bank, bank_labels = fill_bank(
            gathered, rows=rows, ram_limit_mib=ram_limit_mib, folder=folder
        )
        of_test = list(test)
    labels = torch.cat([labels for _, labels in of_test]).to(device)  # [R]
    highest, lowest = labels.max(), -labels.min()
    for limit in (highest, lowest):
        all_reduce(limit, "max")
    if min(int(bank_labels.min()), -int(lowest)) < 0:
        raise ValueError(f"{where}: some images have no label (a negative class)")
    num_classes = max(int(bank_labels.max()), int(highest)) + 1
    queries = torch.cat([features for features, _ in of_test])  # [R, D]
    return ProbeFeatures(bank, bank_labels, queries, labels, num_classes)


def measure_knn(
    features: ProbeFeatures, *, ks: Sequence[int], temperature: float
) -> dict[str, float]:
    """Return the k-NN accuracy in percent for each k, as ``k20_top1`` and so on."""
    scores = knn_classify(
        features.bank,
        features.bank_labels,
        features.queries,
        ks=ks,
        num_classes=features.num_classes,
        temperature=temperature,
    )
    return {f"k{k}_top1": top_k_accuracy(scores[k], features.query_labels) for k in ks}


def measure_linear_probe(
    features: ProbeFeatures,
    *,
    strengths: Sequence[float] = STRENGTHS,
    device: str | torch.device | None = None,
) -> dict[str, float]:
    """Return ``top1`` and ``top5`` of a linear probe in percent, and its selected ``strength``.

    Args:
        features: Features of the train images, and of the test images of this process.
        strengths: Candidates for the L2 penalty.
        device: Device on which the first process fits; needs about four times the memory of the
            features. Default: that of the queries.

    Raises:
        ValueError: As in :func:`~mmdense.evaluation.linear_probe.fit_linear_probe`.
    """
    fitted: list[LinearProbe | ValueError | None] = [None]
    if is_main_process():
        try:
            probe = fit_linear_probe(
                features.bank.to(device or features.queries.device),
                features.bank_labels.to(device or features.queries.device),
                num_classes=features.num_classes,
                strengths=strengths,
            )
            fitted = [probe.to("cpu")]
        except ValueError as error:  # the other processes must raise, too
            fitted = [error]
    broadcast_object_list(fitted)
    result = fitted[0]
    if not isinstance(result, LinearProbe):
        raise ValueError(str(result))
    scores = result.to(features.queries.device).scores(features.queries)  # [R, C]
    accuracies = {f"top{k}": top_k_accuracy(scores, features.query_labels, k=k) for k in (1, 5)}
    return {**accuracies, "strength": result.strength}


def top_k_accuracy(scores: Tensor, labels: Tensor, *, k: int = 1) -> float:
    """Return the percentage of queries of all processes with the true class among the ``k`` best.

    For equal scores the lower class index is better. A ``k`` of C or more gives 100.

    Args:
        scores: Of the queries of this process, higher is better; R can be 0. [R, C]
        labels: True classes. [R]
        k: Number of best classes.

    Raises:
        ValueError: Shapes differ, a score is NaN, or no process has queries.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            "expected scores [R, C] and labels [R], "
            f"found {tuple(scores.shape)} and {tuple(labels.shape)}"
        )
    if scores.isnan().any():
        raise ValueError("scores contain NaN")
    true = labels[:, None]  # [R, 1]
    true_score = scores.gather(1, true)  # [R, 1]
    is_lower_class = torch.arange(scores.shape[1], device=scores.device) < true  # [R, C]
    better = (scores > true_score) | ((scores == true_score) & is_lower_class)  # [R, C]
    hits = (better.sum(dim=1) < k).sum()
    counts = torch.stack([hits, hits.new_tensor(len(labels))])
    all_reduce(counts)
    found, queries = counts.tolist()
    if queries == 0:
        raise ValueError("an accuracy needs queries, found none")
    return 100.0 * found / queries
