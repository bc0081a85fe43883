"""The same views of the same images, through a model as it is at the moment.

Letters: N images of all processes, V views, D channels.
"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from torch import Tensor

from mmdense.collapse.taps import Parts, as_vectors
from mmdense.engine.exact_loader import SeededDataset
from mmdense.engine.random_state import kept_random_state
from mmdense.evaluation.features import evaluating
from mmdense.ssl.gather import gather_rows

__all__ = ["features_of_fixed_images"]

_SEED = 20220
_BATCH = 64


@torch.no_grad()
def features_of_fixed_images(
    model: Any, dataset: Any, collate: Callable[[list], Any], parts: Parts, count: int
) -> dict[str, Tensor]:
    """Features of the backbone and of the projector, in eval mode; training does not notice.

    The images pass through the training pipeline and its augmentation, and are not clean: their
    views are those that the loss sees, only the same every time. They are evenly spread over
    the training set, and drawn under a seed of their own. Processes share the images out; another
    number of processes has the same images in other views, as the preprocessor draws anew on each.

    Args:
        model: Not wrapped.
        dataset: Training images.
        collate: Makes a batch of a list of samples, as the training loader does.
        parts: Of the model.
        count: Images, at most; N.

    Returns:
        By space, "backbone" and (where there is one) "projector". [N, V, D]
    """
    if isinstance(dataset, SeededDataset):  # which takes places of a run for indices
        dataset = dataset.dataset
    count = min(max(count, get_world_size()), len(dataset))  # no process without an image
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int)
    own = chosen[get_rank() :: get_world_size()]
    found: dict[str, list[Tensor]] = {}
    with kept_random_state(), evaluating(model):
        for start in range(0, len(own), _BATCH):
            torch.manual_seed(_SEED + start)
            random.seed(_SEED + start)
            np.random.seed(_SEED + start)
            records = [dataset[int(index)] for index in own[start : start + _BATCH]]
            data = model.data_preprocessor(collate(records), True)
            for space, views in _views_by_space(model, parts, data["inputs"]).items():
                found.setdefault(space, []).append(torch.stack(views, dim=1))  # [B, V, D]
    return {space: gather_rows(torch.cat(batches)) for space, batches in found.items()}


def _views_by_space(model: Any, parts: Parts, inputs: Any) -> dict[str, list[Tensor]]:
    views = inputs if isinstance(inputs, list | tuple) else [inputs]
    # Crops of other sizes (SwAV's small ones) have features of their own kind.
    views = [view for view in views if view.shape[-2:] == views[0].shape[-2:]]
    found: dict[str, list[Tensor]] = {"backbone": [], "projector": []}
    for view in views:
        features = model.extract_feat(view) if parts.encoder_only else parts.backbone(view)
        found["backbone"].append(as_vectors(features).float())
        if not parts.encoder_only:
            listed = [features] if parts.layout == "concatenated" else features
            found["projector"].append(as_vectors(parts.projector(listed), first=True).float())
    return {space: vectors for space, vectors in found.items() if vectors}
