"""The prepared CamVid folder as a data set for MMSegmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmdense.data.sets.camvid import CLASSES, PALETTE
from mmdense.registry import DATASETS

__all__ = ["CamVid"]


@DATASETS.register_module()
class CamVid(BaseSegDataset):
    """CamVid with 11 classes; void is 255, which losses and metrics of MMSegmentation ignore.

    ``data_root`` is a folder from :func:`mmdense.data.sets.prepare.prepare`. ``split`` is
    ``train``, ``val`` or ``test``. Other arguments are those of ``BaseSegDataset``.

    Raises:
        FileNotFoundError: ``data_root`` is not prepared.
    """

    METAINFO: ClassVar[dict] = dict(classes=CLASSES, palette=[list(colour) for colour in PALETTE])

    def __init__(
        self,
        *,
        data_root: str = "data/camvid",
        split: str = "train",
        **kwargs: Any,
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
            **kwargs,
        )
