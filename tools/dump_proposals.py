"""Write the region proposals of a detector for every image of a data set.

python tools/dump_proposals.py CONFIG CHECKPOINT --out proposals.pkl [--split train]

A file with the suffix .pkl is a `proposal_file` of MMDetection; with .json it has COCO results of
one category. Boxes are in pixels of the original images. The images use the validation pipeline.

JSON is written image by image, so only one batch is in memory. A pickle is one object, so all
proposals are in memory, 20 bytes each: at most `--max`, or `max_per_img` of the config, for an
image; with --before-nms alone, `nms_pre` of each level.
"""

import argparse
import copy
import json
import os
import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os.path import split as split_path
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions

SUFFIXES = (".pkl", ".json")


class ImageProposals(NamedTuple):
    """The proposals of an image, best first."""

    path: str
    image_id: Any  # None if the data set has none
    boxes: np.ndarray  # x1, y1, x2, y2 in pixels of the original image, float32 [P, 4]
    scores: np.ndarray  # float32 [P]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description=__doc__.splitlines()[0])
    option = parser.add_argument
    option("config", type=config_file, help="config of a two-stage detector or an RPN")
    option("checkpoint", help="checkpoint file; weights of a roi_head are optional")
    option("--out", required=True, metavar="FILE", type=Path, help="FILE.pkl or FILE.json")
    option("--split", choices=["train", "val", "test"], default="val", help="default: %(default)s")
    option(
        "--stage", type=int, metavar="K", help="stage of Cascade RPN, from 0 (default: the last)"
    )
    option("--before-nms", action="store_true", help="write the nms_pre best boxes of each level")
    option(
        "--max",
        type=int,
        metavar="N",
        help="proposals of an image (default: max_per_img of the config; all with --before-nms)",
    )
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    launch.add_trust_argument(parser)
    parser.set_defaults(launcher="none", local_rank=0, work_dir=None, seed=None)
    args = parser.parse_args()
    if args.out.suffix not in SUFFIXES:
        parser.error(f"--out {args.out}: the name must end in {' or '.join(SUFFIXES)}")
    if args.max is not None and args.max < 1:
        parser.error(f"--max must be at least 1, found {args.max}")
    return args


def set_up_head(
    head: Any, *, stage: int | None, before_nms: bool, most: int | None
) -> dict[str, int]:
    """Set other limits in a copy of the ``test_cfg`` of a head; return arguments of ``predict``.

    Args:
        head: Its ``test_cfg`` is replaced.
        stage: Stage of the boxes, from 0.
        before_nms: Suppress nothing: set the IoU threshold to 1.
        most: Maximum number of proposals of an image.

    Returns:
        Arguments of ``predict`` that select the stage.

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
    loader = cfg[f"{pipeline_of}_dataloader"]
    settings = {key: loader[key] for key in loader if key != "batch_sampler"}
    # In test mode a data set ignores filter_cfg.
    images = {**dataset, "pipeline": loader.dataset.pipeline, "test_mode": True}
    settings.update(
        dataset=images, drop_last=False, sampler={"type": "DefaultSampler", "shuffle": False}
    )
    return Runner.build_dataloader(settings)


def propose(
    detector: Any, head: Any, batches: Iterable[dict], options: dict[str, int]
) -> Iterator[ImageProposals]:
    """Yield the proposals of a detector.

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


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Context with a file that replaces ``path`` when it is complete.

    Raises:
        OSError: The file cannot be written; an existing file is not changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_proposal_file(found: Iterable[ImageProposals], file: BinaryIO) -> tuple[int, int]:
    """Write a ``proposal_file`` of MMDetection: arrays ``bboxes`` and ``scores`` by image name.

    The name consists of the folder and the file name of the image.

    Returns:
        The numbers of images and proposals.

    Raises:
        ValueError: Two images have the same name.
    """
    content: dict[str, dict[str, np.ndarray]] = {}
    for image in found:
        folder, name = split_path(image.path)  # as in MMDetection
        folder = split_path(folder)[1]
        name = f"{folder}/{name}" if folder else name
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
    """Write COCO results as JSON: ``image_id``, ``category_id``, ``bbox`` (x, y, w, h), ``score``.

    The category is 1, or the first of ``categories`` if 1 is not among them: pycocotools ignores
    unknown categories.

    Returns:
        The numbers of images and proposals.
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


def main() -> int:
    """Write the file and print its numbers of images and proposals."""
    args = parse_arguments()
    from rich.console import Console
    from rich.progress import track

    from mmdense.engine import launch
    from projects.cascade_rpn.proposal_model import check_target, load_detector, proposal_head

    try:
        check_target(args.out)
        cfg = launch.load_config(args)
        launch.fit_to_machine(cfg)
        detector = load_detector(cfg, args.checkpoint)
        head = proposal_head(detector)
        options = set_up_head(head, stage=args.stage, before_nms=args.before_nms, most=args.max)
        loader = build_loader(cfg, args.split, whole=args.out.suffix == ".pkl")
        batches = track(loader, "proposals", len(loader), console=Console(stderr=True))
        found = propose(detector, head, batches, options)
        with whole_file(args.out) as file:
            if args.out.suffix == ".pkl":
                images, proposals = write_proposal_file(found, file)
            else:
                categories = getattr(loader.dataset, "cat_ids", None) or [1]
                images, proposals = write_coco_results(found, categories, file)
    except (FloatingPointError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.out}: {proposals:,} proposals of {images:,} images")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
