"""Extract features of the train and test images of a config, evaluate them and write a record.

Shared by tools/knn.py and tools/linear_probe.py.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch import nn

from mmdense.config.arguments import ToolParser
from mmdense.engine import launch
from mmdense.evaluation.features import initialise
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders, image_count
from mmdense.evaluation.probes import ProbeFeatures, extract_probe_features
from mmdense.machine import supports_bf16
from mmdense.records.cost import CostMeter, over_processes
from mmdense.records.data_checksum import data_checksum
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.records.record import FILE_NAME, Record, save, write_json
from mmdense.registry import MODELS
from mmdense.transfer.apply import load_backbone


def argument_parser(doc: str) -> ToolParser:
    """Return the argument parser of a tool that evaluates a frozen backbone."""
    parser = ToolParser(doc)
    parser.add_run(launchers=("none", "pytorch"))
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("checkpoint", nargs="?", help="file with all weights of the backbone")
    weights.add_argument("--random", action="store_true", help="use random weights, for comparison")
    parser.add_argument("--amp", action="store_true", help="bfloat16, if the hardware supports it")
    return parser


def evaluate_frozen(
    args: argparse.Namespace,
    task: str,
    measure: Callable[[ProbeFeatures], dict[str, float]],
    *,
    neighbours: int = 1,
) -> dict[str, float]:
    """Extract features, evaluate them, print one line, write ``metrics.json`` and a record.

    All training images are used, in order and with the pipeline of the test images, so without
    augmentation. Only the backbone of the model is built. With several processes each one
    evaluates a part of the test images; the first one writes.

    Args:
        args: From :func:`argument_parser`.
        task: Such as 'knn'; last part of the names of the record and the default work directory.
        measure: From features to metrics; accuracies are in percent.
        neighbours: Minimum number of training images.

    Returns:
        The metrics.

    Raises:
        ValueError: The config, its images or the checkpoint cannot be used.
        OSError: A file is missing, or the disk is full.
    """
    started = time.perf_counter()
    args.work_dir = args.work_dir or str(Path("work_dirs") / f"{Path(args.config).stem}_{task}")
    cfg = launch.load_config(args)
    launch.fit_to_machine(cfg)
    if args.launcher != "none":
        launch.join_processes(cfg)
    seed = cfg.get("randomness", {}).get("seed") or 0
    set_random_seed(seed)
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    config_file = Path(args.config).absolute()
    record = Record.begin(
        config_file.parent.name, f"{config_file.stem}_{task}", config=cfg, seed=seed
    )
    cost = CostMeter.of_process()
    where = str(cfg.filename)
    loaders = build_probe_loaders(cfg, None, None, where=where, seed=seed, neighbours=neighbours)
    preprocess = build_preprocessor(cfg, None, where=where)
    backbone = _build_backbone(cfg, args.checkpoint)
    amp = args.amp and supports_bf16()
    if args.amp and not amp:
        print("--amp: this device does not support bfloat16: using float32")
    begun = time.perf_counter()
    features = extract_probe_features(
        backbone, preprocess, loaders, where=where, folder=cfg.work_dir, amp=amp
    )
    train, test = (image_count(loader) for loader in loaders)
    record.images = train
    record.images_per_second = (train + test) / (time.perf_counter() - begun)
    record.peak_memory_mib = peak_memory_mib()  # while the workers of the loaders run
    record.peak_gpu_memory_mib = peak_gpu_memory_mib()
    if bad := features.count_non_finite():
        raise ValueError(f"features of {bad} of {train + test} images contain NaN or infinity")
    record.metrics = measure(features)
    record.cost = over_processes(cost.read())
    if not is_main_process():
        return record.metrics
    record.wall_time_s = time.perf_counter() - started
    for split, loader in zip(("train", "test"), loaders):
        if (checksum := data_checksum(loader.dataset)) is not None:
            record.data[split] = checksum
    if args.checkpoint is None:
        record.notes.append("random weights")
    save(record, Path(cfg.work_dir) / FILE_NAME)
    write_json(record.metrics, Path(cfg.work_dir) / "metrics.json")
    values = ", ".join(f"{name} {value:.4g}" for name, value in record.metrics.items())
    of = args.checkpoint or "random weights"
    print(f"{task} of {of}: {values} ({train:,} train and {test:,} test images)")
    return record.metrics


def _build_backbone(cfg: Config, checkpoint: str | None) -> nn.Module:
    """The backbone, with weights of the checkpoint or random ones."""
    config = (cfg.get("model") or {}).get("backbone")
    if config is None:
        raise ValueError(f"{cfg.filename} has no model.backbone")
    backbone = MODELS.build(config)
    if checkpoint is None:
        initialise(backbone)
    else:
        loaded = load_backbone(backbone, checkpoint)
        if is_main_process():
            print(loaded)
    return backbone.to(get_device(), memory_format=torch.channels_last)
