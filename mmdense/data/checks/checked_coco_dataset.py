"""MMDetection's COCO data set, which looks at its annotations before it uses them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from mmdense.data.checks.coco import check_coco
from mmdense.data.checks.problems import DataProblem, errors_of
from mmdense.data.load_json import load_json
from mmdense.registry import DATASETS

__all__ = ["CheckedCocoDataset", "check_annotations"]

_SHOWN = 10


@DATASETS.register_module()
class CheckedCocoDataset(CocoDataset):
    """``mmdet.CocoDataset`` with the same arguments, which stops at annotations that are wrong.

    The check (:func:`~mmdense.data.checks.coco.check_coco`) is made on the file that is read
    anyway, before any entry is used, and looks at no picture: some seconds for COCO's 860,001
    boxes. ``tools/check_data.py`` lists all problems, and checks the images, too.

    Raises:
        FileNotFoundError: there is no annotation file.
        ValueError: the file is no JSON, has errors, of which the first ten are listed, or
            ``filter_cfg`` leaves no image.
    """

    def COCOAPI(self, annotation_file: str) -> COCO:  # noqa: N802 (the host's name)
        """Read, check and index the file; the host calls this from ``load_data_list``."""
        api = COCO()
        api.dataset = load_json(annotation_file)
        _stop_at_errors(check_annotations(self, api.dataset), self.ann_file)
        api.createIndex()
        api.img_ann_map, api.cat_img_map = api.imgToAnns, api.catToImgs
        return api

    def filter_data(self) -> list[dict]:
        """The records that the configuration keeps."""
        kept = super().filter_data()
        if not kept:
            raise ValueError(
                f"{self.ann_file}: filter_cfg={self.filter_cfg} leaves none of its "
                f"{len(self.data_list)} images; are the classes {self.metainfo['classes']} right?"
            )
        return kept


def check_annotations(
    dataset: CocoDataset, coco: Any, image_folder: Path | None = None
) -> list[DataProblem]:
    """Check a file as a data set would use it.

    Args:
        dataset: What tells the classes, whether it is evaluated on, and from its pipeline whether
            masks are used and how pictures are loaded. It need not be initialised.
        coco: The content of the JSON file.
        image_folder: As for :func:`~mmdense.data.checks.coco.check_coco`.

    Returns:
        The problems.
    """
    transforms = dataset.pipeline.transforms
    colours = [step.color_type for step in transforms if hasattr(step, "color_type")]
    return check_coco(
        coco,
        dataset.ann_file,
        classes=dataset.metainfo["classes"],
        masks=any(getattr(step, "with_mask", False) for step in transforms),
        evaluation=dataset.test_mode,
        image_folder=image_folder,
        turned_by_exif=all(colour in ("color", "grayscale") for colour in colours),
    )


def _stop_at_errors(problems: list[DataProblem], file: str) -> None:
    errors = errors_of(problems)
    notes = Counter((one.field, one.advice) for one in problems if one.level == "note")
    for (field, advice), count in notes.items():
        print_log(f"{file}: {field}: {count} noted; {advice}", "current")
    if errors:
        lines = "\n".join(f"  {error}" for error in errors[:_SHOWN])
        raise ValueError(
            f"{file} has {len(errors)} errors; mmdense check_data CONFIG shows all. "
            f"The first:\n{lines}"
        )
