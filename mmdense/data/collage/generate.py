"""Collage: the embedded data set, generated at first use and never downloaded.

Textured shapes of ten classes lie on crops of real photos, with shadows, bevels and occlusion.
The outline alone tells the class. One made set serves four kinds of training:

    data/collage/<version>-<hash>/
        images/{train,val,test}/000000.jpg             annotations/instances_{...}.json   COCO
        semantic/{train,val,test}/000000.png           0 background, 1 to 10, 255 ignore
        classification/{train,val,test}/<class>/000000.jpg
        unlabelled/000000.jpg                          drawn from the looks of train
        collage.json                                   what it is, how it was split, its digest
    data/collage/<size>  ->  <version>-<hash>          the path that configs name

Nothing in `val` or `test` was ever trained on: textures and shape instances draw their numbers
from separate slots for each split (`collage_split`), and no photo serves two splits
(`collage_photos`, with the photos' terms). Each picture has a random stream of its own, from
(seed, part, split, index): the same seed gives the same bytes with any number of workers.

    from mmdense.data.collage import generate as collage
    root = collage.ensure('small')

Scores on Collage are synthetic: use it to learn, to compare and to test, not to rank methods.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmdense.data.collage.annotations import annotate, coco_document
from mmdense.data.collage.photos import PHOTOS
from mmdense.data.collage.scene import LEAST_PIXELS, LEAST_VISIBLE, draw_portrait, draw_scene
from mmdense.data.collage.shapes import CLASSES, PALETTE
from mmdense.data.collage.split import SLOTS, SPLITS, SplitSampler
from mmdense.data.collage.work import run_all
from mmdense.data.file_lock import hold_lock

__all__ = ["CLASSES", "PALETTE", "SEMANTIC_CLASSES", "SEMANTIC_PALETTE", "SIZES", "VERSION"]
__all__ += ["Size", "digest", "ensure", "folder"]

VERSION = 1  # raise it whenever any drawn byte changes
SEMANTIC_CLASSES = ("background", *CLASSES)
SEMANTIC_PALETTE = [(40, 40, 40), *PALETTE]


@dataclass(frozen=True)
class Size:
    """How much to draw.

    Attributes:
        scene: Largest width and height of a picture with objects, in pixels.
        scenes: Pictures of train, val and test.
        most: Most objects of one picture.
        portrait: Side of a classification picture, in pixels.
        portraits: Classification pictures of train, val and test, all classes together.
        unlabelled: Number of unlabelled pictures.
        unlabelled_side: Their side, in pixels.
    """

    scene: tuple[int, int]
    scenes: tuple[int, int, int]
    most: int
    portrait: int
    portraits: tuple[int, int, int]
    unlabelled: int
    unlabelled_side: int


SIZES = {
    "tiny": Size((160, 120), (24, 8, 8), 30, 48, (40, 20, 20), 32, 64),
    "small": Size((256, 192), (400, 80, 80), 30, 96, (1000, 300, 300), 1500, 128),
    "full": Size((640, 480), (5000, 500, 500), 30, 128, (10000, 2000, 2000), 20000, 224),
}


def folder(size: str = "small", root: str | Path = "data", seed: int = 0) -> Path:
    """Say where a set lies once it is made; it touches nothing on disk.

    Raises:
        ValueError: There is no such size.
    """
    if size not in SIZES:
        raise ValueError(f"unknown Collage size {size!r}; the sizes are {', '.join(SIZES)}")
    identity = json.dumps([VERSION, asdict(SIZES[size]), seed], sort_keys=True)
    code = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return Path(root) / "collage" / f"{VERSION}-{code}"


def ensure(
    size: str = "small", root: str | Path = "data", seed: int = 0, workers: int | None = None
) -> Path:
    """Return the folder of a made set; make it first where it is missing.

    It is made in a temporary folder beside the final one and then renamed, so a folder that
    exists is whole. One process makes it while others wait. `<root>/collage/<size>` (with
    `-seed<n>` behind it for a seed other than 0) becomes a link to it.

    Args:
        size: One of `SIZES`.
        root: The folder for data sets.
        seed: Another seed gives another set of the same kind.
        workers: Processes that draw; None takes one for each processor.

    Raises:
        ValueError: There is no such size, or `workers` is below 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    place = folder(size, root, seed)
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(place.parent / f".{place.name}.lock"):
            if not place.is_dir():
                _make(place, size, seed, workers or os.cpu_count() or 1)
    _link(place, size if seed == 0 else f"{size}-seed{seed}")
    return place


def digest(place: str | Path) -> str:
    """Hash the names and bytes of all files of a set except `collage.json`, which holds it."""
    place = Path(place)
    total = hashlib.sha256()
    for path in sorted(place.rglob("*"), key=lambda p: p.relative_to(place).as_posix()):
        if path.is_file() and path.name != "collage.json":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(place).as_posix()} {content}\n".encode())
    return total.hexdigest()


@dataclass(frozen=True)
class _Job:
    """One picture to draw: `part` is scene, portrait or unlabelled."""

    part: str
    split: str
    index: int
    size: Size
    seed: int
    place: Path

    def sampler(self) -> SplitSampler:
        parts = ("scene", "portrait", "unlabelled")
        key = (parts.index(self.part), SPLITS.index(self.split), self.index)
        stream = np.random.SeedSequence(self.seed, spawn_key=key)
        return SplitSampler(np.random.default_rng(stream), self.split)


def _make(place: Path, size: str, seed: int, workers: int) -> None:
    """Draw a whole set beside `place` and rename it; the caller holds the lock."""
    for stale in place.parent.glob(f".{place.name}.*.part"):
        shutil.rmtree(stale)  # its maker died: a living one would hold the lock
    part = place.parent / f".{place.name}.{os.getpid()}.part"
    try:
        jobs = _plan(part, SIZES[size], seed)
        pictures = run_all(_draw, jobs, workers=workers, title=f"Collage {size}")
        for split in SPLITS:
            chosen = [
                picture
                for job, picture in zip(jobs, pictures, strict=True)
                if picture is not None and job.split == split
            ]
            _write_json(
                part / "annotations" / f"instances_{split}.json", coco_document(chosen), indent=None
            )
        _write_json(part / "collage.json", _card(size, seed, digest(part)), indent=2)
        part.rename(place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _plan(place: Path, size: Size, seed: int) -> list[_Job]:
    """List every picture of a set and make the folders that hold them."""
    jobs = [_Job("unlabelled", "train", k, size, seed, place) for k in range(size.unlabelled)]
    for split, scenes, portraits in zip(SPLITS, size.scenes, size.portraits, strict=True):
        jobs += [_Job("scene", split, k, size, seed, place) for k in range(scenes)]
        jobs += [_Job("portrait", split, k, size, seed, place) for k in range(portraits)]
        for name in (f"images/{split}", f"semantic/{split}"):
            (place / name).mkdir(parents=True)
        for name in CLASSES:
            (place / "classification" / split / name).mkdir(parents=True)
    (place / "unlabelled").mkdir()
    (place / "annotations").mkdir()
    return jobs


def _draw(job: _Job) -> dict[str, Any] | None:
    """Draw and write one picture; a scene returns its entry for the COCO file."""
    sampler, size = job.sampler(), job.size
    if job.part == "portrait":
        label, number = job.index % len(CLASSES), job.index // len(CLASSES)
        image = draw_portrait(sampler, label, side=size.portrait)
        under = job.place / "classification" / job.split / CLASSES[label]
        _write_image(under / f"{number:06d}.jpg", image)
        return None
    if job.part == "unlabelled":
        side = size.unlabelled_side
        image = draw_scene(sampler, height=side, width=side, most=8).image
        _write_image(job.place / "unlabelled" / f"{job.index:06d}.jpg", image)
        return None
    # Real sets have pictures of many sizes: each side shrinks by up to an eighth.
    width, height = (round(side * sampler.rng.uniform(0.875, 1.0)) for side in size.scene)
    scene = draw_scene(sampler, height=height, width=width, most=size.most)
    name = f"{job.index:06d}"
    _write_image(job.place / "images" / job.split / f"{name}.jpg", scene.image)
    _write_image(job.place / "semantic" / job.split / f"{name}.png", scene.semantic)
    return {
        "file_name": f"{name}.jpg",
        "width": width,
        "height": height,
        "annotations": [annotate(item) for item in scene.objects],
    }


def _card(size: str, seed: int, code: str) -> dict[str, Any]:
    return {
        "name": "Collage",
        "version": VERSION,
        "size": size,
        "spec": asdict(SIZES[size]),
        "seed": seed,
        "classes": list(CLASSES),
        "semantic_classes": list(SEMANTIC_CLASSES),
        "split_rule": f"every number that decides a texture or a shape comes from one of {SLOTS} "
        "slots of its range, dealt train, val, train, test, train; photos: "
        + "; ".join(f"{split} {', '.join(names)}" for split, names in PHOTOS.items()),
        "visibility_rule": f"an object is placed only if at least {LEAST_VISIBLE:.0%} of its area "
        f"and {LEAST_PIXELS} pixels show; boxes, masks and areas are of the visible part",
        "libraries": {
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "scikit-image": version("scikit-image"),
        },
        "sha256": code,
    }


def _write_image(path: Path, image: np.ndarray) -> None:
    """Write RGB or single-channel uint8 with fixed encoder settings."""
    if image.ndim == 3:
        image = image[..., ::-1]
    settings = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_PNG_COMPRESSION, 6]
    if not cv2.imwrite(str(path), np.ascontiguousarray(image), settings):
        raise OSError(f"{path}: the picture could not be written; is the disk full?")


def _write_json(path: Path, document: dict[str, Any], *, indent: int | None) -> None:
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(document, sort_keys=True, indent=indent, separators=separators)
    path.write_text(text + "\n", encoding="utf-8")


def _link(place: Path, alias: str) -> None:
    """Point `<root>/collage/<alias>` to the set; where links are impossible, say its path."""
    link = place.parent / alias
    if link.is_symlink() and link.readlink() == Path(place.name):
        return
    fresh = place.parent / f".{alias}.{os.getpid()}.link"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(place.name, target_is_directory=True)
        fresh.replace(link)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        print(f"{link}: no link could be made ({error}); use {place} instead", file=sys.stderr)
