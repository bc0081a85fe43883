"""From command line arguments to an MMEngine runner; tools/train.py and tools/test.py share it."""

import argparse
import atexit
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdense.checkpoints.last_good import last_good_checkpoint
from mmdense.checkpoints.read import trust_checkpoints
from mmdense.config.arguments import UsageError, config_file
from mmdense.config.check import check_config
from mmdense.config.options import ConfigOptions, read_config
from mmdense.config.upstream_defaults import LOADERS, fill_host_defaults, replace_sync_bn
from mmdense.machine import available_cores, keep_freed_memory, supports_bf16

__all__ = [
    "add_common_arguments",
    "add_trust_argument",
    "build_runner",
    "check_data_folders",
    "dump_predictions",
    "enable_amp",
    "fit_to_machine",
    "join_processes",
    "load_config",
    "refuse_to_overwrite",
    "resume",
    "resume_after_restart",
    "scale_learning_rate",
    "show_predictions",
]

_DOWNLOADING = ("CIFAR10", "CIFAR100", "MNIST", "FashionMNIST")  # MMPretrain's


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that every tool over a config takes, with the names that OpenMMLab uses."""
    parser.add_argument("config", type=config_file, help="config file")
    parser.add_argument("--work-dir", help="logs and checkpoints; default work_dirs/<config name>")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=ConfigOptions,
        help="overrides, such as train_cfg.max_epochs=12 model.backbone.depth=50",
    )
    parser.add_argument("--seed", type=int, help="random seed; default the config's")
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch", "slurm", "mpi"],
        default="none",
        help="how the processes were started; torchrun is 'pytorch'",
    )
    add_trust_argument(parser)
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every tool that reads a checkpoint; it takes effect as it is parsed."""
    parser.add_argument(
        "--trust-checkpoint",
        action=_Trust,
        nargs=0,
        help="read checkpoints that hold more than weights; they may run any code",
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config with the common arguments applied, and the host's defaults filled in."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get("work_dir") is None:
        cfg.work_dir = str(Path("work_dirs") / Path(args.config).stem)
    if args.seed is not None:
        cfg.randomness = {**cfg.get("randomness", {}), "seed": args.seed}
    fill_host_defaults(cfg)
    return cfg


def enable_amp(cfg: Config) -> None:
    """Train in mixed precision: bfloat16 where the hardware has it, else float16 on a GPU.

    On a processor without bfloat16 the run stays in float32, and the log says so.
    """
    wrapper = cfg.optim_wrapper
    if supports_bf16():
        wrapper.type = "mmdense.BFloat16OptimWrapper"
        wrapper.pop("loss_scale", None)
    elif torch.cuda.is_available():
        wrapper.type = "AmpOptimWrapper"
        wrapper.setdefault("loss_scale", "dynamic")
    else:
        print_log("--amp: this processor has no bfloat16; training in float32", "current")


def scale_learning_rate(cfg: Config) -> None:
    """Scale the learning rate linearly with the real batch size (Goyal et al. 2017).

    Raises:
        ValueError: The config does not say for which batch size its rate was chosen.
    """
    if "base_batch_size" not in cfg.get("auto_scale_lr", {}):
        raise ValueError(
            f"--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in {cfg.filename}"
        )
    cfg.auto_scale_lr.enable = True


def resume(cfg: Config, checkpoint: str) -> None:
    """Go on from ``checkpoint``, or from the last good one in the work directory for 'auto'.

    Where there is none yet, 'auto' begins at the start.
    """
    found = last_good_checkpoint(cfg.work_dir) if checkpoint == "auto" else Path(checkpoint)
    if found is None:
        print_log(f"--resume: no checkpoint in {cfg.work_dir}; training begins", "current")
        return
    if not found.is_file():
        raise FileNotFoundError(f"--resume {found}: there is no such file")
    cfg.resume = True
    cfg.load_from = str(found)


def refuse_to_overwrite(cfg: Config) -> None:
    """Refuse to start a run from the beginning in a work directory that holds checkpoints.

    Raises:
        UsageError: The message lists what to do instead.
    """
    found = sorted(path.name for path in Path(cfg.work_dir).glob("*.pth"))
    if found and not cfg.get("resume"):
        raise UsageError(
            f"{cfg.work_dir} holds the checkpoints of another run ({', '.join(found[:3])}"
            f"{', ...' if len(found) > 3 else ''}). Use --resume to continue it, --overwrite to "
            "replace it, or another --work-dir"
        )


def check_data_folders(cfg: Config, loaders: Iterable[str] = LOADERS) -> None:
    """Refuse a ``data_root`` that is no folder, before anything is built.

    Data sets that download themselves, and paths with a scheme such as ``s3://``, are not checked.

    Raises:
        UsageError: The message names the key and the path.
    """
    for loader in loaders:
        for key, root in _data_roots(cfg.get(loader) or {}, loader):
            if root and ":/" not in root and not Path(root).exists():
                raise UsageError(
                    f"{key}: no such folder {root!r}. Set it with --cfg-options "
                    f'"{key}=FOLDER", or prepare the data set first (tools/prepare_data.py)'
                )


def _data_roots(node: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if node.get("type") in _DOWNLOADING:
            return
        for name, value in node.items():
            if name == "data_root" and isinstance(value, str):
                yield f"{key}.data_root", value
            else:
                yield from _data_roots(value, f"{key}.{name}")
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _data_roots(value, f"{key}.{number}")


def resume_after_restart(cfg: Config) -> None:
    """Go on from the last good checkpoint where torchrun has started this process again.

    Raises:
        RuntimeError: torchrun would hand the store of the first start to this one, in which the
            processes find the addresses of those that are gone, and wait for them for ever.
    """
    if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) == 0:
        return
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == str(True):
        raise RuntimeError(
            "torchrun's --max-restarts needs a store for each start; use tools/dist_train.sh, or "
            "set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 and give torchrun --rdzv-backend=c10d"
        )
    resume(cfg, "auto")


def show_predictions(cfg: Config, folder: str) -> None:
    """Also write every test image with its predictions to ``folder``."""
    out_dir = str(Path(folder).absolute())
    hook = {"type": "mmdense.PredictionPicturesHook", "limit": None, "out_dir": out_dir}
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), hook]


def dump_predictions(cfg: Config, file: str) -> None:
    """Also write all predictions of the test set to ``file``.

    Raises:
        ValueError: The name does not end in .pkl or .pickle.
    """
    if Path(file).suffix not in (".pkl", ".pickle"):
        raise ValueError(f"--out {file}: predictions are pickled; give a name that ends in .pkl")
    evaluators = cfg.test_evaluator
    evaluators = list(evaluators) if isinstance(evaluators, (list, tuple)) else [evaluators]
    cfg.test_evaluator = [*evaluators, {"type": "DumpResults", "out_file_path": file}]


def fit_to_machine(cfg: Config) -> None:
    """Set threads to the cores there are, and cut what a config asks for beyond them.

    Each process of a node gets an equal share of the cores, unless ``OMP_NUM_THREADS`` or
    ``MKL_NUM_THREADS`` sets the threads: two trainings beside each other with more threads than
    cores were up to 15 times slower. ``num_workers`` of a loader is an upper bound; OpenCV's own
    threads are off in the workers unless the config says otherwise, because they fight the workers
    for the same cores. Without a GPU, SyncBN, which torch has for GPUs only, becomes BatchNorm.
    """
    share = max(1, available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if not {"OMP_NUM_THREADS", "MKL_NUM_THREADS"} & set(os.environ):
        torch.set_num_threads(share)
    keep_freed_memory()
    for name in LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, dict):
            workers = min(loader.get("num_workers", 0), share)
            loader.update(num_workers=workers, persistent_workers=workers > 0)
    env = dict(cfg.get("env_cfg", {}))
    env["mp_cfg"] = {"opencv_num_threads": 0, **env.get("mp_cfg", {})}
    if not torch.cuda.is_available() and (replace_sync_bn(cfg.model) or cfg.get("sync_bn")):
        cfg.sync_bn = None
        print_log("SyncBN needs a GPU; on this CPU the model is built with BatchNorm", "current")
    cfg.env_cfg = env


def build_runner(cfg: Config) -> Runner:
    """The runner, with channels-last weights and a record of the run.

    ``channels_last = False`` in a config keeps the default layout.

    Raises:
        ValueError: A key or a type of the config is mistyped; all of them are listed.
    """
    hooks: list[dict[str, Any]] = [
        {"type": "mmdense.RecordHook"},
        {"type": "mmdense.ProgressHook"},
    ]
    if "train_cfg" in cfg:
        _train_exactly(cfg)
        _drop_late_schedules(cfg)
        hooks.append({"type": "mmdense.PreemptionHook"})
        own = [*cfg.get("custom_hooks", []), *cfg.get("default_hooks", {}).values()]
        types = [hook.get("type") for hook in own if hook]
        for name in ("mmdense.NonFiniteHook", "mmdense.BrokenImagesHook"):
            if name not in types:
                hooks.append({"type": name})
    if cfg.get("channels_last", True):
        hooks.append({"type": "mmdense.ChannelsLastHook"})
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), *hooks]
    problems = check_config(cfg)
    if problems:
        raise UsageError("the config has mistakes:\n" + "\n".join(f"  {p}" for p in problems))
    if cfg.launcher == "pytorch" and not torch.cuda.is_available():
        join_processes(cfg)
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


class _Trust(argparse.Action):
    def __call__(self, *_: object) -> None:
        trust_checkpoints()


def _train_exactly(cfg: Config) -> None:
    """Take our loops for the host's, and keep two checkpoints at least.

    The host deletes the old checkpoint before it writes the new one; with one kept, a run that is
    killed in between has none.
    """
    loop = cfg.train_cfg
    if loop is not None and "type" not in loop:
        loop.type = "EpochBasedTrainLoop" if loop.pop("by_epoch") else "IterBasedTrainLoop"
    if loop is not None and loop.type in ("EpochBasedTrainLoop", "IterBasedTrainLoop"):
        loop.type = f"mmdense.{loop.type}"
    checkpoint = cfg.get("default_hooks", {}).get("checkpoint")
    if checkpoint and checkpoint.get("max_keep_ckpts") == 1:
        checkpoint.max_keep_ckpts = 2


def _drop_late_schedules(cfg: Config) -> None:
    """Leave out schedules that would begin when the run has ended, which the host refuses.

    A run cut down to one epoch is all warm-up.
    """
    schedules = cfg.get("param_scheduler")
    epochs = cfg.train_cfg.get("max_epochs") if cfg.train_cfg else None
    if epochs is None or not isinstance(schedules, list):
        return
    kept = [s for s in schedules if not s.get("by_epoch", True) or s.get("begin", 0) < epochs]
    for schedule in schedules:
        if schedule not in kept:
            print_log(f"{schedule.type} begins after the last epoch; left out", "current")
    cfg.param_scheduler = kept


def join_processes(cfg: Config) -> None:
    """Join the processes that torchrun started; on a CPU through gloo, the model wrapped for it.

    There MMEngine by itself would ask CUDA for a device; it takes a group that exists as it is.
    """
    if torch.cuda.is_available():
        init_dist("pytorch")
        return
    torch.distributed.init_process_group("gloo")
    atexit.register(_leave_processes)
    wrapper = {
        "type": "MMDistributedDataParallel",
        "device_ids": None,
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
    }
    cfg.model_wrapper_cfg = {**wrapper, **cfg.get("model_wrapper_cfg", {})}


def _leave_processes() -> None:
    """End the threads of gloo before the interpreter ends.

    A thread that frees a tensor after that aborts the process ("terminate called without an active
    exception"), although its work is done. After an error the other processes may wait in a
    collective operation, and this function would wait for them.
    """
    if torch.distributed.is_initialized() and not hasattr(sys, "last_value"):
        torch.distributed.destroy_process_group()
