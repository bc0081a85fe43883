"""MMDetection's COCO data set with a check of the annotations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from mmdense.data.checks.coco import check_coco
from mmdense.data.checks.problems import DataProblem
from mmdense.data.load_json import load_json
from mmdense.registry import DATASETS

__all__ = ["CheckedCocoDataset", "check_annotations"]

_SHOWN = 10


@DATASETS.register_module()
class CheckedCocoDataset(CocoDataset):
    """``mmdet.CocoDataset`` that raises an error if the annotations are wrong.

    It takes the same arguments. :func:`~mmdense.data.checks.coco.check_coco` checks the annotations
    when they are read, without opening an image; this takes less than ten seconds for the 860,001
    boxes of COCO. ``tools/check_data.py`` lists all problems and also checks the images.

    Raises:
        FileNotFoundError: The annotation file does not exist.
        ValueError: The file is not valid JSON or has errors (the message lists the first ten), or
            ``filter_cfg`` removes every image.
    """

    def COCOAPI(self, annotation_file: str) -> COCO:  # noqa: N802 (MMDetection's name)
        """Return the checked and indexed file; called in ``load_data_list`` of MMDetection."""
        api = COCO()
        api.dataset = load_json(annotation_file)
        _stop_at_errors(check_annotations(self, api.dataset), self.ann_file)
        api.createIndex()
        api.img_ann_map, api.cat_img_map = api.imgToAnns, api.catToImgs
        return api

    def filter_data(self) -> list[dict]:
        """Return the records that ``filter_cfg`` keeps."""
        kept = super().filter_data()
        if not kept:
            raise ValueError(
                f"{self.ann_file}: filter_cfg={self.filter_cfg} removes all "
                f"{len(self.data_list)} images. Check filter_cfg and the classes "
                f"{self.metainfo['classes']}."
            )
        return kept


def check_annotations(
    dataset: CocoDataset, coco: Any, image_folder: Path | None = None
) -> list[DataProblem]:
    """Return the problems of a COCO file for a given data set.

    The data set may be uninitialised. It gives the classes, ``test_mode``, and the pipeline, which
    determines whether masks are checked and how images are loaded.
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
    errors = [one for one in problems if one.level == "error"]
    notes = Counter((one.field, one.advice) for one in problems if one.level == "note")
    for (field, advice), count in notes.items():
        print_log(f"{file}: {field}: {count} notes; {advice}", "current")
    if errors:
        lines = "\n".join(f"  {error}" for error in errors[:_SHOWN])
        raise ValueError(
            f"{file} has {len(errors)} errors. Run `mmdense check_data CONFIG` to list all. "
            f"The first errors:\n{lines}"
        )
