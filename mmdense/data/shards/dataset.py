"""Images in WebDataset shards as a data set for MMEngine's runner.

Its own reader, since ``wids``, the indexed reader of WebDataset, is not in webdataset 1.0 any more,
and read every tar header again in each worker, where this one maps an index.
"""

from __future__ import annotations

import bisect
import io
import json
import tarfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmdense.data.shards.index import INDEX, MEMBERS, NO_CLASS, VERSION
from mmdense.registry import DATASETS

__all__ = ["ShardDataset"]


@DATASETS.register_module()
class ShardDataset(Dataset):
    """Images in shards, read one by one from where they lie.

    Any sampler works, in any number of processes and workers. For training take
    ``mmdense.ShardSampler``, which stays within a few shards at a time; for evaluation the host's
    ``DefaultSampler(shuffle=False)``, whose order metrics need.

    A record has ``img_bytes`` (the encoded image), ``img_path`` (``<shard>/<member>``), the number
    ``sample_idx`` and, where the set has classes, ``gt_label``. The pipeline begins with
    ``mmdense.LoadImage``, as one on files may.

    Args:
        shards: Folder made by :func:`mmdense.data.shards.write.write_shards`, or several, one after
            another.
        pipeline: The host's transforms.

    Raises:
        FileNotFoundError: A folder has no index, or a shard is missing.
        ValueError: A shard has not the size that its index tells, an index does not fit its shards,
            or folders differ in their classes.
    """

    def __init__(self, *, shards: str | Sequence[str], pipeline: Sequence[Any] = ()) -> None:
        folders = [Path(shards)] if isinstance(shards, str) else [Path(path) for path in shards]
        if not folders:
            raise ValueError("shards of mmdense.ShardDataset names no folder")
        for step in pipeline:
            if isinstance(step, dict) and str(step.get("type")).endswith("LoadImageFromFile"):
                raise ValueError(
                    f"the pipeline of shards={shards!r} has {step['type']}, which cannot read "
                    "from a tar; use mmdense.LoadImage"
                )
        self.pipeline = Compose(pipeline)
        self._shards: list[tuple[Path, np.ndarray]] = []
        classes = [self._add(folder) for folder in folders]
        if any(names != classes[0] for names in classes):
            raise ValueError(f"shards={shards!r}: the folders differ in their classes")
        self.metainfo = {} if classes[0] is None else {"classes": tuple(classes[0])}
        self._ends = list(accumulate(self.shard_sizes))

    @property
    def shard_sizes(self) -> list[int]:
        """Samples of each shard; samples are numbered in this order."""
        return [len(members) for _, members in self._shards]

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        number = bisect.bisect_right(self._ends, index)
        path, members = self._shards[number]
        start, length, label = members[index - self._ends[number]].tolist()
        name, content = _read(path, start, length)
        record = dict(img_bytes=content, img_path=f"{path}/{name}", sample_idx=int(index))
        if label != NO_CLASS:
            record["gt_label"] = label
        result = self.pipeline(record)
        if result is None:
            raise ValueError(f"the pipeline made nothing of {path}/{name}")
        return result

    def _add(self, folder: Path) -> list[str] | None:
        """Take in one folder, whose shards are there and have their sizes; returns its classes."""
        if not (folder / INDEX).is_file() or not (folder / MEMBERS).is_file():
            raise FileNotFoundError(
                f"{folder} has no {INDEX} and {MEMBERS}: write shards with mmdense "
                f"prepare_data --shard SOURCE --out {folder}, or index those that are "
                f"there with mmdense prepare_data --shard {folder}"
            )
        index = json.loads((folder / INDEX).read_text())
        if index["version"] != VERSION:
            raise ValueError(f"{folder / INDEX} is of version {index['version']}, not {VERSION}")
        # asarray: a plain view of the mapped file, indexing np.memmap is several times slower
        rows = np.asarray(np.load(folder / MEMBERS, mmap_mode="r"))  # [N, 3]
        if len(rows) != sum(shard["samples"] for shard in index["shards"]):
            raise ValueError(f"{folder}: {INDEX} and {MEMBERS} differ in their number of samples")
        begin = 0
        for shard in index["shards"]:
            members = rows[begin : begin + shard["samples"]]
            begin += len(members)
            path = folder / shard["name"]
            if not path.is_file():
                raise FileNotFoundError(f"shard {path} is missing; {folder / INDEX} names it")
            size = path.stat().st_size
            if size != shard["bytes"]:
                raise ValueError(
                    f"shard {path} has {size} bytes, its index says {shard['bytes']}: it is "
                    "truncated, or from another set; copy it again"
                )
            self._shards.append((path, members))
        return index["classes"]


def _read(path: Path, start: int, length: int) -> tuple[str, bytes]:
    """Name and content of one member.

    The file is opened anew each time: no handle is shared with a forked worker, and next to
    decoding the time does not count.
    """
    with path.open("rb") as file:
        file.seek(start)
        piece = file.read(length)
    try:
        with tarfile.open(fileobj=io.BytesIO(piece), mode="r:") as tar:
            member = tar.next()
            content = tar.extractfile(member) if member is not None else None
            if member is None or content is None:
                raise tarfile.ReadError("no file begins here")
            return member.name, content.read()
    except tarfile.TarError as error:
        raise ValueError(
            f"shard {path}, byte {start}: the index does not fit ({error}); the shard was changed "
            f"after {path.parent / INDEX} was written"
        ) from error
