"""Extract features of the train and test images of a config, evaluate them and write a record.

Shared by tools/knn.py and tools/linear_probe.py.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdense.config.arguments import ToolParser
from mmdense.config.options import ConfigOptions
from mmdense.engine import launch
from mmdense.evaluation.clean_loaders import build_clean_loaders, with_images_of
from mmdense.evaluation.feature_bank import fill_bank
from mmdense.evaluation.features import check_finite, frozen_features
from mmdense.evaluation.gather_features import gather_batches
from mmdense.evaluation.probe_loaders import check_labelled
from mmdense.machine import supports_bf16
from mmdense.records.cost import CostMeter, over_processes
from mmdense.records.data_checksum import data_checksum
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.records.record import FILE_NAME, Record, save, write_json
from mmdense.registry import MODELS
from mmdense.transfer.apply import load_backbone


class FrozenFeatures(NamedTuple):
    """Features of a labelled data set, on the CPU.

    Attributes:
        train: In a memory-mapped file if they are large. [N, D]
        train_labels: [N]
        test: [Q, D]
        test_labels: [Q]
        num_classes: C.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    num_classes: int


def argument_parser(description: str) -> ToolParser:
    """Return the argument parser of a tool that evaluates a frozen backbone."""
    parser = ToolParser(description=description)
    parser.add_argument("config", help="with model.backbone, train_dataloader, test_dataloader")
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("checkpoint", nargs="?", help="file with all weights of the backbone")
    weights.add_argument("--random", action="store_true", help="use random weights, for comparison")
    parser.add_argument("--work-dir", help="folder for metrics.json and record.json")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=ConfigOptions,
        help="overrides",
    )
    parser.add_argument("--seed", type=int, help="random seed (default: that of the config, or 0)")
    parser.add_argument("--amp", action="store_true", help="bfloat16, if the hardware supports it")
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch"],
        default="none",
        help="'pytorch' with torchrun: each process gets a part of the images",
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)
    launch.add_trust_argument(parser)
    return parser


def evaluate_frozen(
    args: argparse.Namespace,
    task: str,
    evaluate: Callable[[FrozenFeatures], dict[str, float]],
    *,
    check_bank: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Extract features, evaluate them, print one line, write ``metrics.json`` and a record.

    All training images are used, in order and with the pipeline of the test images, so without
    augmentation. Only the backbone of the model is built. With several processes each one extracts
    features of a part of the images; the first one evaluates and writes.

    Args:
        args: From :func:`argument_parser`.
        task: Such as 'knn'; last part of the names of the record and the default work directory.
        evaluate: From features to metrics; accuracies are in percent.
        check_bank: Raises for an unsuitable number of training images, before the extraction.

    Returns:
        The metrics; empty for processes after the first.

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
    cost = CostMeter(get_world_size() if get_device() == "cuda" else 0)
    train_loader, test_loader = loaders = _build_loaders(cfg, seed)
    (check_bank or _any_number)(_rows(train_loader))
    backbone, preprocess = _build_backbone(cfg, args.checkpoint)
    features = _extract(backbone, preprocess, loaders, record, amp=args.amp, folder=cfg.work_dir)
    elsewhere = _cpu_hours_elsewhere(cost)
    if not is_main_process():
        return {}
    record.metrics = evaluate(features)
    record.wall_time_s = time.perf_counter() - started
    record.cost = cost.read()
    record.cost["cpu_hours"] += elsewhere
    record.data = _checksums(train=train_loader, test=test_loader)
    if args.checkpoint is None:
        record.notes.append("random weights")
    save(record, Path(cfg.work_dir) / FILE_NAME)
    write_json(record.metrics, Path(cfg.work_dir) / "metrics.json")
    print(f"{task} of {args.checkpoint or 'random weights'}: {_in_words(record, features)}")
    return record.metrics


def _in_words(record: Record, features: FrozenFeatures) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in record.metrics.items())
    return f"{values} ({len(features.train):,} train and {len(features.test):,} test images)"


def _cpu_hours_elsewhere(cost: CostMeter) -> float:
    """CPU hours of the other processes; all processes must call this."""
    own = cost.read()
    return over_processes(own)["cpu_hours"] - own["cpu_hours"]


def _any_number(rows: int) -> None:
    """Accept any number of training images."""


def _rows(loader: DataLoader) -> int:
    dataset: Any = loader.dataset
    return len(dataset)


def _checksums(**loaders: DataLoader) -> dict[str, Any]:
    """Checksums of the data of each split, if it has one."""
    found = {split: data_checksum(loader.dataset) for split, loader in loaders.items()}
    return {split: checksum for split, checksum in found.items() if checksum is not None}


def _build_loaders(cfg: Config, seed: int) -> tuple[DataLoader, DataLoader]:
    """Loaders of the train and test images, with the same settings."""
    for key in ("train_dataloader", "test_dataloader"):
        if (cfg.get(key) or {}).get("dataset") is None:
            raise ValueError(f"{cfg.filename} has no {key}.dataset")
    train = with_images_of(cfg.test_dataloader, cfg.train_dataloader, where=cfg.filename)
    loaders = build_clean_loaders(train, cfg.test_dataloader, where=cfg.filename, seed=seed)
    for key, loader in zip(("train_dataloader", "test_dataloader"), loaders):
        check_labelled(loader, f"{cfg.filename}: {key}", several_classes=key == "train_dataloader")
    return loaders


def _build_backbone(cfg: Config, checkpoint: str | None) -> tuple[nn.Module, nn.Module]:
    """The backbone, with weights of the checkpoint or random ones, and the data preprocessor."""
    model = cfg.get("model") or {}
    parts = {
        "model.backbone": model.get("backbone"),
        "data_preprocessor": model.get("data_preprocessor") or cfg.get("data_preprocessor"),
    }
    for name, part in parts.items():
        if part is None:
            raise ValueError(f"{cfg.filename} has no {name}")
    backbone = MODELS.build(parts["model.backbone"])
    if checkpoint is None:
        logger = MMLogger.get_current_instance()
        level = logger.level
        logger.setLevel("WARNING")  # init_weights lists every parameter
        backbone.init_weights()
        logger.setLevel(level)
    else:
        loaded = load_backbone(backbone, checkpoint)
        if is_main_process():
            print(loaded)
    device = get_device()
    backbone.to(device, memory_format=torch.channels_last)
    preprocess = MODELS.build(
        {"type": "mmpretrain.ClsDataPreprocessor", **parts["data_preprocessor"]}
    )
    return backbone, preprocess.to(device).eval()


def _extract(
    backbone: nn.Module,
    preprocess: nn.Module,
    loaders: tuple[DataLoader, DataLoader],
    record: Record,
    *,
    amp: bool,
    folder: str,
) -> FrozenFeatures:
    """Features of both loaders; adds speed and memory to the record."""
    if amp and not supports_bf16():
        print("--amp: this device does not support bfloat16: using float32")
        amp = False
    started = time.perf_counter()
    found = []
    for loader in loaders:
        images: Any = loader.dataset
        batches = frozen_features(backbone, loader, preprocess, amp=amp)
        gathered = gather_batches(batches, rows=len(images), batch_size=loader.batch_size or 1)
        features, labels = fill_bank(gathered, rows=len(images), folder=folder)
        check_finite(features)
        if int(labels.min()) < 0:  # the data set has no list of labels
            raise ValueError(
                f"{int((labels < 0).sum())} of {len(labels)} images have no label (a negative "
                "class). Use a labelled split"
            )
        found.append((features, labels))
    (train, train_labels), (test, test_labels) = found
    seconds = time.perf_counter() - started
    record.images = len(train)
    record.images_per_second = (len(train) + len(test)) / seconds
    record.peak_memory_mib = peak_memory_mib()  # while the workers of the loaders run
    record.peak_gpu_memory_mib = peak_gpu_memory_mib()
    num_classes = int(max(train_labels.max(), test_labels.max())) + 1
    return FrozenFeatures(train, train_labels, test, test_labels, num_classes)
