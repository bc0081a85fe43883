"""Evaluate the backbone of a config by dense protocols, and record the scores."""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.device import get_device
from mmengine.runner import set_random_seed

from mmdense.config.usage_error import UsageError
from mmdense.engine import launch
from mmdense.evaluation.dense.data_folders import open_data
from mmdense.evaluation.dense.patches import frozen_backbone
from mmdense.evaluation.dense.protocol import (
    DenseScore,
    DenseTask,
    Needs,
    Protocol,
    score,
    what_is_missing,
)
from mmdense.evaluation.dense.protocols import PROTOCOLS, with_settings
from mmdense.records.cost import CostMeter
from mmdense.records.data_checksum import data_checksum
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.records.record import FILE_NAME, Record, save

__all__ = ["DenseResults", "evaluate_dense"]


class DenseResults(NamedTuple):
    """What an evaluation gives.

    Attributes:
        scores: One for each protocol.
        left_out: Which protocols have no score and why, a line for each reason.
        folder: Folder of the record.
        task: Has the features that were computed.
    """

    scores: list[DenseScore]
    left_out: list[str]
    folder: Path
    task: DenseTask


def evaluate_dense(args: argparse.Namespace, report: Callable[[str], None]) -> DenseResults:
    """Run the protocols that a data set allows, and write a record.

    Args:
        args: Of ``tools/dense_eval.py``.
        report: Called with a line for people after each step.

    Raises:
        UsageError: The data set, a protocol or a setting does not exist; or a protocol that was
            named needs labels that the data set does not have.
        ValueError: The config has no backbone, the checkpoint does not fit, or no protocol could
            run.
    """
    started = time.perf_counter()
    protocols = with_settings(args.protocols or list(PROTOCOLS), args.settings or {})
    data = open_data(args.data, args.data_root)
    left_out = {}
    for name, protocol in protocols.items():
        if missing := what_is_missing(protocol, data):
            left_out[name] = missing
    if args.protocols and left_out:
        name, missing = next(iter(left_out.items()))
        raise UsageError(f"--protocols {name}: {missing}")
    stem = f"{Path(args.config).stem}_dense_{data.name}"
    args.work_dir = args.work_dir or str(Path("work_dirs") / stem)
    cfg = launch.load_config(args)
    if "backbone" not in (cfg.get("model") or {}):
        raise UsageError(f"{args.config} has no model.backbone")
    launch.fit_to_machine(cfg)
    seed = cfg.get("randomness", {}).get("seed") or 0
    set_random_seed(seed)
    slug = Path(args.config).absolute().parent.name
    record = Record.begin(slug, stem, config=cfg, seed=seed)
    cost = CostMeter.of_process()
    checkpoint = None if args.checkpoint == "none" else args.checkpoint
    frozen, loaded = frozen_backbone(cfg, checkpoint, device=get_device())
    report("random weights" if loaded is None else str(loaded))
    task = DenseTask(
        frozen, data, size=args.size, batch_size=args.batch_size, folder=cfg.work_dir, seed=seed
    )
    chosen = {name: one for name, one in protocols.items() if name not in left_out}
    scores = _scores(chosen, task, record, left_out, report)
    for one in scores:
        record.protocols[one.name] = one.identifier
        for metric, value in one.metrics.items():
            record.metrics[f"dense/{one.name}/{metric}"] = value
    record.images = len(data.train)
    for split, images in (("train", data.train), ("test", data.test)):
        record.data[split] = data_checksum(images) or ""
    record.notes += ["random weights"] if checkpoint is None else []
    reasons = _by_reason(left_out)
    record.notes += reasons
    record.cost = cost.read()
    record.peak_memory_mib, record.peak_gpu_memory_mib = peak_memory_mib(), peak_gpu_memory_mib()
    record.wall_time_s = time.perf_counter() - started
    save(record, Path(cfg.work_dir) / FILE_NAME)
    return DenseResults(scores, reasons, Path(cfg.work_dir), task)


def _scores(
    protocols: Mapping[str, Protocol],
    task: DenseTask,
    record: Record,
    left_out: dict[str, str],
    report: Callable[[str], None],
) -> list[DenseScore]:
    """Run protocols; add the speed to the record, and those that fail to ``left_out``."""
    if any(one.needs is Needs.MAPS for one in protocols.values()):  # these use all images
        begun = time.perf_counter()
        rows = len(task.train.features) + len(task.test.features)
        seconds = time.perf_counter() - begun
        record.images_per_second = rows / seconds
        report(f"patch features of {rows:,} images ({seconds:.0f} s)")
    scores = []
    for name, protocol in protocols.items():
        try:
            scores.append(score(name, protocol, task))
        except ValueError as error:
            left_out[name] = str(error)
            continue
        values = ", ".join(f"{key} {value:.4g}" for key, value in scores[-1].metrics.items())
        report(f"{name}: {values} ({scores[-1].seconds:.0f} s)")
    if not scores:
        raise ValueError("no protocol could run. " + "; ".join(_by_reason(left_out)))
    return scores


def _by_reason(left_out: Mapping[str, str]) -> list[str]:
    """A line for each reason, with all protocols that it holds for."""
    return [
        f"no {', '.join(name for name, one in left_out.items() if one == reason)}: {reason}"
        for reason in dict.fromkeys(left_out.values())
    ]
