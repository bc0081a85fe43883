"""Class-agnostic average recall of the boxes of a detector, as a metric of MMEngine.

Letters::

    P   proposals of an image
    G   objects of an image
    A   area ranges
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmdet.models.detectors import RPN
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmdense.data.load_json import load_json
from mmdense.evaluation.recall import (
    AREAS,
    BUDGETS,
    MISSED,
    THRESHOLDS,
    average_recall,
    counted_objects,
    match_objects,
    recall_curves,
)
from mmdense.records.record import write_json
from mmdense.registry import METRICS

_NEEDED = ("image_id", "category_id", "bbox", "area")


class ImageObjects(NamedTuple):
    """Annotated objects of an image, sorted by category, then in the order of the file.

    Attributes:
        boxes: x, y, width, height in pixels. [G, 4]
        counted: Whether an object counts in an area range. bool [A, G]
    """

    boxes: np.ndarray
    counted: np.ndarray


@METRICS.register_module()
class ProposalRecall(BaseMetric):
    """Average recall of class-agnostic proposals, see :mod:`~mmdense.evaluation.recall`.

    It uses ``pred_instances`` of each image: ``bboxes`` in pixels of the original image and
    ``scores``. Labels are ignored. Objects of all classes count. Each image counts once.

    The results are ``AR100``, ``AR300``, ``AR1000`` and the same by size, such as ``AR_small100``,
    from 0 to 1. A size without objects is skipped with a message.

    Args:
        ann_file: Annotations in COCO format. An image without a prediction counts as an image
            without proposals; the log shows their number.
        budgets: Numbers of proposals of an image.
        curves: JSON file for :func:`~mmdense.evaluation.recall.recall_curves`.
        collect_device: 'cpu' or 'gpu', as in MMEngine, for several processes.
        prefix: Prefix of the results; default ``proposals``.

    Raises:
        FileNotFoundError: The annotation file does not exist.
        ValueError: The file is not a COCO file, or the budgets are not positive.
    """

    default_prefix = "proposals"

    def __init__(
        self,
        ann_file: str,
        budgets: Sequence[int] = BUDGETS,
        curves: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not budgets or min(budgets) < 1:
            raise ValueError(f"ProposalRecall.budgets must be at least 1, found {budgets}")
        self.ann_file = ann_file
        self.budgets = sorted(budgets)
        self.curves = None if curves is None else Path(curves)
        self.objects = read_objects(ann_file)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Match the proposals of a batch with the objects of its images.

        Raises:
            ValueError: The annotation file lacks an image, or a box or a score is not finite.
        """
        for sample in data_samples:
            image = sample["img_id"]
            if image not in self.objects:
                raise ValueError(
                    f"{_name(sample)} is not in {self.ann_file}. Set ann_file of the metric to "
                    "that of the data set"
                )
            objects = self.objects[image]
            boxes = _best_boxes(sample, self.budgets[-1])
            self.results.append((image, match_objects(boxes, objects.boxes, objects.counted)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the average recall over all images."""
        predicted = dict(results)
        if missing := len(self.objects) - len(predicted):
            print_log(
                f"{missing} of {len(self.objects)} images of {self.ann_file} have no prediction; "
                "they count as images without proposals.",
                "current",
                logging.WARNING,
            )
        places, counted = [], []
        for image, objects in self.objects.items():
            nothing = np.full((len(AREAS), len(THRESHOLDS), len(objects.boxes)), MISSED)
            places.append(predicted.get(image, nothing))
            counted.append(objects.counted)
        return self._summarise(np.concatenate(places, axis=-1), np.concatenate(counted, axis=-1))

    def _summarise(self, places: np.ndarray, counted: np.ndarray) -> dict[str, float]:
        by_size = average_recall(places, counted, self.budgets)
        if absent := [name for name in AREAS if name not in by_size]:
            text = f"{self.ann_file} has no objects of size {', '.join(absent)}."
            print_log(text, "current")
        if self.curves is not None:
            write_json(recall_curves(places, counted, self.budgets), self.curves)
        return {
            f"AR{budget}" if name == "all" else f"AR_{name}{budget}": value
            for name, values in by_size.items()
            for budget, value in zip(self.budgets, values, strict=True)
        }


def read_objects(ann_file: str | Path) -> dict[Any, ImageObjects]:
    """Return the objects of each image of a COCO file, in the order of pycocotools.

    Annotations of images or categories that the file does not list are skipped.

    Returns:
        Objects by image id, in the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a COCO file, lists no images, or an annotation lacks a field.
    """
    content = load_json(ann_file)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(f"{ann_file} has no list of {key}; ann_file must be in COCO format")
    if not content["images"]:
        raise ValueError(f"{ann_file} lists no images")
    categories = {category["id"] for category in content["categories"]}
    of_image: dict[Any, list[dict]] = {image["id"]: [] for image in content["images"]}
    for place, annotation in enumerate(content["annotations"]):
        if lacking := [field for field in _NEEDED if field not in annotation]:
            raise ValueError(f"{ann_file}: annotations[{place}] has no {', '.join(lacking)}")
        if annotation["image_id"] in of_image and annotation["category_id"] in categories:
            of_image[annotation["image_id"]].append(annotation)
    return {image: _objects(annotations) for image, annotations in of_image.items()}


def _objects(annotations: list[dict]) -> ImageObjects:
    annotations = sorted(annotations, key=lambda annotation: annotation["category_id"])
    areas = np.array([annotation["area"] for annotation in annotations], dtype=float)
    crowd = np.array([annotation.get("iscrowd", 0) for annotation in annotations], dtype=bool)
    boxes = np.array([annotation["bbox"] for annotation in annotations], dtype=float)
    return ImageObjects(boxes.reshape(-1, 4), counted_objects(areas, crowd))


def _best_boxes(sample: dict, most: int) -> np.ndarray:
    """Boxes x, y, width, height of a prediction, best first, stable for equal scores, [P, 4]."""
    found = sample["pred_instances"]
    boxes = found["bboxes"].detach().double().cpu().numpy()  # [P, 4]
    scores = found["scores"].detach().double().cpu().numpy()  # [P]
    bad = ~(np.isfinite(boxes).all(axis=1) & np.isfinite(scores))
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(boxes)} boxes or scores of {_name(sample)} are not finite. "
            "Check the weights of the model for NaN"
        )
    boxes = boxes[np.argsort(-scores, kind="stable")[:most]]
    return np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)


def _name(sample: dict) -> str:
    """Path and id of an image, for messages."""
    path = sample.get("img_path")
    return f"image {path} (id {sample['img_id']})" if path else f"image id {sample['img_id']}"


def proposing_head(detector: Any) -> Any:
    """Return the head that makes proposals: ``rpn_head``, or the ``bbox_head`` of an RPN.

    Raises:
        ValueError: The detector has no such head.
    """
    head = getattr(detector, "rpn_head", None)
    if head is None and isinstance(detector, RPN):
        head = detector.bbox_head
    if head is None:
        raise ValueError(f"{type(detector).__name__} makes no proposals: it has no rpn_head")
    return head
