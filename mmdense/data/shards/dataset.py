"""A map-style data set on WebDataset shards for MMEngine's runner.

It has its own reader because webdataset 1.0 no longer contains ``wids``, the indexed reader, which
also read every tar header again in each worker. This reader memory-maps an index.
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
    """Images in WebDataset shards with random access.

    It works with any sampler and any number of processes and workers. For training, use
    ``mmdense.ShardSampler``, which reads from a few shards at a time. For evaluation, use
    ``DefaultSampler(shuffle=False)`` of MMEngine, since metrics need the original order.

    A record has ``img_bytes`` (the encoded image), ``img_path`` (``<shard>/<member>``),
    ``sample_idx`` and, if the set has classes, ``gt_label``. The pipeline starts with
    ``mmdense.LoadImage``.

    Args:
        shards: Folder, or folders, from :func:`mmdense.data.shards.write.write_shards`. Several
            folders are concatenated.
        pipeline: Transforms of MMEngine.

    Raises:
        FileNotFoundError: A folder has no index, or a shard is missing.
        ValueError: The size of a shard differs from its index, an index does not fit its shards, or
            the folders differ in their classes.
    """

    def __init__(self, *, shards: str | Sequence[str], pipeline: Sequence[Any] = ()) -> None:
        folders = [Path(shards)] if isinstance(shards, str) else [Path(path) for path in shards]
        if not folders:
            raise ValueError("mmdense.ShardDataset: shards is empty. Set it to a folder.")
        for step in pipeline:
            if isinstance(step, dict) and str(step.get("type")).endswith("LoadImageFromFile"):
                raise ValueError(
                    f"the pipeline of shards={shards!r} has {step['type']}, which cannot read "
                    "from a tar. Use mmdense.LoadImage."
                )
        self.pipeline = Compose(pipeline)
        self._shards: list[tuple[Path, np.ndarray]] = []
        classes = [self._add(folder) for folder in folders]
        if any(names != classes[0] for names in classes):
            raise ValueError(f"shards={shards!r}: the classes of the folders differ")
        self.metainfo = {} if classes[0] is None else {"classes": tuple(classes[0])}
        self._ends = list(accumulate(self.shard_sizes))

    @property
    def shard_sizes(self) -> list[int]:
        """Return the number of samples of each shard; sample indices follow this order."""
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
            raise ValueError(f"{path}/{name}: the pipeline returned None. Check its filters.")
        return result

    def _add(self, folder: Path) -> list[str] | None:
        """Add the shards of a folder after a check of their sizes; return its classes."""
        if not (folder / INDEX).is_file() or not (folder / MEMBERS).is_file():
            raise FileNotFoundError(
                f"{folder} has no {INDEX} and {MEMBERS}. Write shards with `mmdense "
                f"prepare_data --shard SOURCE --out {folder}`, or index existing shards with "
                f"`mmdense prepare_data --shard {folder}`."
            )
        index = json.loads((folder / INDEX).read_text())
        if index["version"] != VERSION:
            raise ValueError(
                f"{folder / INDEX} has version {index['version']}, not {VERSION}. Write the shards "
                "again with `mmdense prepare_data --shard`."
            )
        # np.asarray gives a view of the mapped file: indexing np.memmap is several times slower.
        rows = np.asarray(np.load(folder / MEMBERS, mmap_mode="r"))  # [N, 3]
        if len(rows) != sum(shard["samples"] for shard in index["shards"]):
            raise ValueError(
                f"{folder}: {INDEX} and {MEMBERS} have different numbers of samples. Copy both "
                "files again."
            )
        begin = 0
        for shard in index["shards"]:
            members = rows[begin : begin + shard["samples"]]
            begin += len(members)
            path = folder / shard["name"]
            if not path.is_file():
                raise FileNotFoundError(
                    f"shard {path} is missing, but {folder / INDEX} lists it. Copy it again."
                )
            size = path.stat().st_size
            if size != shard["bytes"]:
                raise ValueError(
                    f"shard {path} has {size} bytes, but {folder / INDEX} lists {shard['bytes']}: "
                    "it is truncated, or from another set. Copy it again."
                )
            self._shards.append((path, members))
        return index["classes"]


def _read(path: Path, start: int, length: int) -> tuple[str, bytes]:
    """Return the name and content of one member.

    It opens the file each time, so that forked workers share no handle. Compared with decoding, the
    cost is negligible.
    """
    with path.open("rb") as file:
        file.seek(start)
        piece = file.read(length)
    try:
        with tarfile.open(fileobj=io.BytesIO(piece), mode="r:") as tar:
            member = tar.next()
            content = tar.extractfile(member) if member is not None else None
            if member is None or content is None:
                raise tarfile.ReadError("no file starts here")
            return member.name, content.read()
    except tarfile.TarError as error:
        raise ValueError(
            f"shard {path}, byte {start}: the index does not fit ({error}). The shard changed "
            f"after {path.parent / INDEX} was written. Copy both again."
        ) from error
