"""The prepared CamVid folder as a data set for MMSegmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from mmseg.datasets import BaseSegDataset

from mmdense.data.sets.camvid import CLASSES, PALETTE
from mmdense.registry import DATASETS

__all__ = ["CamVid"]


@DATASETS.register_module()
class CamVid(BaseSegDataset):
    """CamVid with 11 classes; void is 255, which losses and metrics of MMSegmentation ignore.

    Args:
        data_root: Folder from :func:`mmdense.data.sets.prepare.prepare`.
        split: ``train``, ``val`` or ``test``.
        pipeline: Transforms of MMSegmentation.
        test_mode: Whether a record that fails to load is an error; otherwise it is replaced.
        indices: Number of first records, or indices of records, to use; None uses all.

    Raises:
        FileNotFoundError: ``data_root`` is not prepared.
    """

    METAINFO: ClassVar[dict] = dict(classes=CLASSES, palette=[list(colour) for colour in PALETTE])

    def __init__(
        self,
        *,
        data_root: str = "data/camvid",
        split: str = "train",
        pipeline: Sequence[dict] = (),
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
    ) -> None:
        folder = Path(data_root) / "images" / split
        first = next(iter(sorted(folder.glob("*.*g"))), None)
        if first is None:
            raise FileNotFoundError(
                f"data_root={data_root!r}, split={split!r} of CamVid: no images in {folder}. Run "
                "`mmdense prepare_data camvid --source ARCHIVE "
                f"--root {Path(data_root).parent}`."
            )
        super().__init__(
            img_suffix=first.suffix,
            data_root=data_root,
            data_prefix=dict(img_path=f"images/{split}", seg_map_path=f"annotations/{split}"),
            indices=indices,
            pipeline=list(pipeline),
            test_mode=test_mode,
        )
