"""What a protocol of dense evaluation gets and gives.

A protocol is a dataclass of settings and a function from a task and the settings to metrics.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from mmdense.evaluation.dense.images import DenseData, DenseImages
from mmdense.evaluation.dense.patch_labels import patch_counts
from mmdense.evaluation.dense.patches import FrozenBackbone, Patches, patch_features
from mmdense.evaluation.feature_bank import empty_bank

__all__ = ["DenseScore", "DenseTask", "Needs", "Protocol", "identifier", "score", "what_is_missing"]


class Needs(enum.Enum):
    """What a protocol needs besides images."""

    NOTHING = "nothing"
    MAPS = "label maps"
    BOXES = "boxes"
    VIDEOS = "videos with label maps"


@dataclass(frozen=True)
class DenseTask:
    """A backbone and a data set; features and labels are computed once for all protocols.

    Features need 4 I N D bytes and labels 4 I N C, for I images of N patches, D channels and C
    classes. Each of them is in a file if it needs more than 512 MiB.

    Attributes:
        frozen: The backbone.
        data: The data set.
        size: Side to which images are resized, in pixels; not the aspect ratio.
        batch_size: Images that the backbone gets at once.
        folder: Folder of these files.
        seed: Seed of random choices, such as those of a memory or of warps.
    """

    frozen: FrozenBackbone
    data: DenseData
    size: int = 448
    batch_size: int = 8
    folder: str | Path | None = None
    seed: int = 0
    _samples: dict[int, Patches] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def train(self) -> Patches:
        """Patches of the training images."""
        return self._features(self.data.train)

    @cached_property
    def test(self) -> Patches:
        """Patches of the test images."""
        return self._features(self.data.test)

    @cached_property
    def train_counts(self) -> Tensor:
        """Pixels of each class in each training patch, [I, N, C]."""
        return self._counts(self.data.train, self.train.grid)

    @cached_property
    def test_counts(self) -> Tensor:
        """Pixels of each class in each test patch, [I, N, C]."""
        return self._counts(self.data.test, self.test.grid)

    def sample(self, count: int) -> tuple[list[int], Patches]:
        """Return the indices and patches of at most ``count`` evenly spaced test images."""
        total = len(self.data.test)
        if count >= total:
            return list(range(total)), self.test
        indices = [round(place * (total - 1) / max(count - 1, 1)) for place in range(count)]
        if count not in self._samples:
            self._samples[count] = self._features(self.data.test.subset(indices))
        return indices, self._samples[count]

    def _features(self, images: DenseImages) -> Patches:
        return patch_features(
            self.frozen, images, size=self.size, batch_size=self.batch_size, folder=self.folder
        )

    def _counts(self, images: DenseImages, grid: tuple[int, int]) -> Tensor:
        classes, patches = len(self.data.classes), grid[0] * grid[1]
        counts = empty_bank(len(images) * patches, classes, folder=self.folder)
        counts = counts.view(len(images), patches, classes)
        for index in range(len(images)):
            square = images.square_map(index, self.size)[None]  # [1, S, S]
            counts[index] = patch_counts(square, grid, num_classes=classes)[0]
        return counts


@dataclass(frozen=True)
class Protocol:
    """A protocol with its settings.

    Attributes:
        settings: Dataclass of all settings; they are in the identifier.
        measure: Returns metrics by name; shares and accuracies are in percent.
        needs: What the data set must have.
        about: What the metrics mean, in one sentence with the source.
        settle: Returns the settings after those that depend on the backbone are decided.
    """

    settings: Any
    measure: Callable[[DenseTask, Any], dict[str, float]]
    needs: Needs
    about: str
    settle: Callable[[DenseTask, Any], Any] = lambda task, settings: settings


@dataclass(frozen=True)
class DenseScore:
    """The result of a protocol.

    Attributes:
        name: Name of the protocol.
        identifier: Name with all settings, see :func:`identifier`.
        metrics: Value of each metric.
        seconds: Time, without that of features that were extracted before.
    """

    name: str
    identifier: str
    metrics: dict[str, float]
    seconds: float


def identifier(name: str, settings: Any, **task: int) -> str:
    """Return the name of a protocol with all its settings.

    Two scores can be compared if their data sets and identifiers are equal.

    Args:
        name: Name of the protocol.
        settings: A dataclass.
        task: Settings of the task, such as ``size``.

    Returns:
        For example ``context_knn(memory=10240,k=30,temperature=0.02,size=448)``. A Boolean is
        shown by its name, with ``not_`` before it if it is false; several values are joined by
        ``+``.
    """
    values = {one.name: getattr(settings, one.name) for one in fields(settings)} | task
    return f"{name}({','.join(_shown(key, value) for key, value in values.items())})"


def _shown(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return key if value else f"not_{key}"
    if isinstance(value, tuple):
        return f"{key}={'+'.join(_plain(one) for one in value)}"
    return f"{key}={_plain(value)}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def what_is_missing(protocol: Protocol, data: DenseData) -> str | None:
    """Return what a protocol needs and a data set does not have, or None."""
    lacking = {
        Needs.NOTHING: False,
        Needs.MAPS: not (data.train.maps and data.test.maps),
        Needs.BOXES: not data.test.boxes,
        Needs.VIDEOS: not data.videos,
    }
    return f"{data.name} has no {protocol.needs.value}" if lacking[protocol.needs] else None


def score(name: str, protocol: Protocol, task: DenseTask) -> DenseScore:
    """Run a protocol.

    Raises:
        ValueError: The data set lacks what the protocol needs, or a setting is out of range.
    """
    if missing := what_is_missing(protocol, task.data):
        raise ValueError(f"{name}: {missing}")
    begun = time.perf_counter()
    settings = protocol.settle(task, protocol.settings)
    metrics = protocol.measure(task, settings)
    named = identifier(name, settings, size=task.size, seed=task.seed)
    return DenseScore(name, named, metrics, time.perf_counter() - begun)
