"""Write the region proposals of a detector for every image of a data set.

python tools/dump_proposals.py CONFIG CHECKPOINT --out proposals.pkl [--split train]

A file with the suffix .pkl is a `proposal_file` of MMDetection; with .json it has COCO results of
one category. Boxes are in pixels of the original images. The images use the validation pipeline.

JSON is written image by image, so only one batch is in memory. A pickle is one object, so all
proposals are in memory, 20 bytes each: at most `--max`, or `max_per_img` of the config, for an
image; with --before-nms alone, `nms_pre` of each level.
"""

import copy
import json
import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mmdense.config.arguments import ToolParser, file_ending, positive
from mmdense.config.usage_error import one_line_errors


class ImageProposals(NamedTuple):
    """The proposals of an image, best first."""

    path: str
    image_id: Any  # None if the data set has none
    boxes: np.ndarray  # x1, y1, x2, y2 in pixels of the original image, float32 [P, 4]
    scores: np.ndarray  # float32 [P]


def set_up_head(
    head: Any, *, stage: int | None, before_nms: bool, most: int | None
) -> dict[str, int]:
    """Set other limits in a copy of the ``test_cfg`` of a head; return arguments of ``predict``.

    Args:
        head: Its ``test_cfg`` is replaced.
        stage: Stage of the boxes, from 0.
        before_nms: Suppress nothing: set the IoU threshold to 1.
        most: Maximum number of proposals of an image.

    Raises:
        ValueError: The head has no such stage, or no stages.
    """
    head.test_cfg = copy.deepcopy(head.test_cfg)
    if before_nms:
        head.test_cfg["nms"] = {"type": "nms", "iou_threshold": 1.0}
    if before_nms or most is not None:
        head.test_cfg["max_per_img"] = sys.maxsize if most is None else most
    if stage is None:
        return {}
    stages = getattr(head, "stages", None)
    if stages is None:
        raise ValueError(
            f"--stage {stage}: {type(head).__name__} has no stages. Omit the option, or use a "
            "config with mmdense.CascadeRPNHead"
        )
    if not 0 <= stage < len(stages):
        raise ValueError(f"--stage {stage}: the head has stages 0 to {len(stages) - 1}")
    return {"stage": stage}


def build_loader(cfg: Any, split: str, *, whole: bool) -> Any:
    """Return a loader of all images of a split, in order and without augmentation.

    Args:
        cfg: With the data loader of the split and, for "train", also that of the validation.
        split: ``train``, ``val`` or ``test``.
        whole: Whether all images of the data set are needed.

    Raises:
        ValueError: There is no such loader, or its data set is a wrapper or has ``indices``.
    """
    from mmengine.runner import Runner

    pipeline_of = "val" if split == "train" else split
    for name in (split, pipeline_of):
        dataset = (cfg.get(f"{name}_dataloader") or {}).get("dataset")
        if dataset is None:
            raise ValueError(f"{cfg.filename} has no {name}_dataloader.dataset")
        if "pipeline" not in dataset:
            raise ValueError(
                f"{cfg.filename}: {name}_dataloader.dataset, {dataset['type']}, has no pipeline. "
                "If it is a wrapper, use the data set inside it"
            )
    dataset = cfg[f"{split}_dataloader"].dataset
    if whole and dataset.get("indices") is not None:
        raise ValueError(
            f"{cfg.filename}: {split}_dataloader.dataset.indices selects a part of the images, but "
            "a proposal file of MMDetection needs all. Remove indices, or write .json"
        )
    loader = {**cfg[f"{pipeline_of}_dataloader"], "drop_last": False}
    loader.pop("batch_sampler", None)
    loader["sampler"] = {"type": "DefaultSampler", "shuffle": False}
    # In test mode a data set ignores filter_cfg.
    pipeline = loader["dataset"].pipeline
    loader["dataset"] = {**dataset, "pipeline": pipeline, "test_mode": True}
    return Runner.build_dataloader(loader)


def propose(
    detector: Any, head: Any, batches: Iterable[dict], options: dict[str, int]
) -> Iterator[ImageProposals]:
    """Yield the proposals of a detector in eval mode.

    Args:
        detector: In eval mode.
        head: Its head.
        batches: From a data loader.
        options: Arguments of ``predict`` of the head.

    Raises:
        ValueError: A box or a score is not finite, or an image has no scale factor.
    """
    import torch

    from projects.cascade_rpn.proposal_model import check_meta

    for batch in batches:
        with torch.no_grad():
            data = detector.data_preprocessor(batch, False)
            samples = data["data_samples"]
            for sample in samples:
                check_meta(sample.metainfo, ("scale_factor", "img_path"))
            maps = detector.extract_feat(data["inputs"])
            results = head.predict(maps, samples, rescale=True, **options)
        for sample, result in zip(samples, results, strict=True):
            # Copy: the results are views of larger tensors.
            boxes, scores = (
                part.cpu().numpy().astype(np.float32, order="C")
                for part in (result.bboxes, result.scores)
            )
            if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
                raise ValueError(f"boxes or scores of {sample.img_path} are not finite")
            yield ImageProposals(sample.img_path, sample.get("img_id"), boxes, scores)


def write_proposal_file(found: Iterable[ImageProposals], file: BinaryIO) -> tuple[int, int]:
    """Write a ``proposal_file`` of MMDetection; return the numbers of images and proposals.

    It has arrays ``bboxes`` and ``scores`` by the folder and the file name of the image.

    Raises:
        ValueError: Two images have the same name.
    """
    content: dict[str, dict[str, np.ndarray]] = {}
    for image in found:
        name = "/".join(Path(image.path).parts[-2:])
        if name in content:
            raise ValueError(
                f"two images have the name {name}, but a proposal file of MMDetection needs unique "
                "names of folder and file. Write .json, or rename a folder"
            )
        content[name] = {"bboxes": image.boxes, "scores": image.scores}
    pickle.dump(content, file, protocol=5)  # protocol 5 does not copy arrays
    return len(content), sum(len(image["scores"]) for image in content.values())


def write_coco_results(
    found: Iterable[ImageProposals], categories: Sequence[int], file: BinaryIO
) -> tuple[int, int]:
    """Write COCO results as JSON; return the numbers of images and proposals.

    The category is 1, or the first of ``categories`` if 1 is not among them: pycocotools ignores
    unknown categories.
    """
    category = 1 if 1 in categories else categories[0]
    images = proposals = 0
    file.write(b"[")
    for image in found:
        boxes = image.boxes.astype(float)
        boxes[:, 2:] -= boxes[:, :2]
        entries = [
            {"image_id": image.image_id, "category_id": category, "bbox": box, "score": score}
            for box, score in zip(boxes.tolist(), image.scores.tolist(), strict=True)
        ]
        comma = b", " if proposals and entries else b""
        file.write(comma + json.dumps(entries)[1:-1].encode())
        images, proposals = images + 1, proposals + len(entries)
    file.write(b"]")
    return images, proposals


@one_line_errors
def main() -> None:
    """Write the file and print its numbers of images and proposals."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    parser.add_config("config of a two-stage detector or an RPN")
    option("checkpoint", help="checkpoint file; weights of a roi_head are optional")
    out = file_ending(".pkl", ".json")
    option("--out", required=True, metavar="FILE", type=out, help="FILE.pkl or FILE.json")
    option("--split", choices=["train", "val", "test"], default="val", help="default: %(default)s")
    words = "stage of Cascade RPN, from 0 (default: the last)"
    option("--stage", type=int, metavar="K", help=words)
    option("--before-nms", action="store_true", help="write the nms_pre best boxes of each level")
    words = "proposals of an image (default: max_per_img of the config; all with --before-nms)"
    option("--max", type=positive, metavar="N", help=words)
    parser.add_trust()
    args = parser.parse_args()
    from rich.console import Console
    from rich.progress import track

    from mmdense.checkpoints.atomic_backend import atomic_file
    from mmdense.engine import launch
    from projects.cascade_rpn.proposal_model import check_target, load_detector, proposal_head

    check_target(args.out)
    cfg = launch.fit_to_machine(launch.load_config(args))
    detector = load_detector(cfg, args.checkpoint)
    head = proposal_head(detector)
    options = set_up_head(head, stage=args.stage, before_nms=args.before_nms, most=args.max)
    loader = build_loader(cfg, args.split, whole=args.out.suffix == ".pkl")
    batches = track(loader, "proposals", len(loader), console=Console(stderr=True))
    found = propose(detector, head, batches, options)
    with atomic_file(args.out) as file:
        if args.out.suffix == ".pkl":
            images, proposals = write_proposal_file(found, file)
        else:
            categories = getattr(loader.dataset, "cat_ids", None) or [1]
            images, proposals = write_coco_results(found, categories, file)
    print(f"{args.out}: {proposals:,} proposals of {images:,} images")


if __name__ == "__main__":
    sys.exit(main())
