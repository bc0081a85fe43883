"""From command line arguments to an MMEngine runner: options, steps, runner."""

import argparse
import atexit
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdense.checkpoints.read import trust_checkpoints
from mmdense.config.arguments import config_file
from mmdense.config.options import ConfigOptions, read_config
from mmdense.config.upstream_defaults import fill_upstream_defaults
from mmdense.engine import steps
from mmdense.engine.steps import fit_to_machine

__all__ = [
    "add_common_arguments",
    "add_trust_argument",
    "build_runner",
    "fit_to_machine",
    "join_processes",
    "load_config",
    "testing_steps",
    "training_steps",
]

Step = Callable[[Config], Config]


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every tool over a config, with the names that OpenMMLab uses."""
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
    """Add the argument of every tool that reads a checkpoint; it takes effect when parsed."""
    parser.add_argument(
        "--trust-checkpoint",
        action=_Trust,
        nargs=0,
        default=False,
        help="read checkpoints that hold more than weights; they may run any code",
    )


def load_config(args: argparse.Namespace) -> Config:
    """Return the config with the common arguments, and with what upstream's own tools set."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get("work_dir") is None:
        cfg.work_dir = str(Path("work_dirs") / Path(args.config).stem)
    if args.seed is not None:
        cfg.randomness = {**cfg.get("randomness", {}), "seed": args.seed}
    fill_upstream_defaults(cfg)
    return cfg


def training_steps(
    *,
    amp: bool = False,
    auto_scale_lr: bool = False,
    resume: str | None = None,
    overwrite: bool = False,
    init: str | None = None,
    allow: Sequence[str] = (),
) -> list[Step]:
    """Return what happens to the config of a training, in order; the options are those of train.py.

    :mod:`mmdense.engine.steps` gives the reasons for the order.
    """
    return [
        *([steps.enable_amp] if amp else []),
        *([steps.scale_learning_rate] if auto_scale_lr else []),
        partial(steps.resume, checkpoint=resume) if resume else steps.resume_after_restart,
        *([] if overwrite else [steps.refuse_to_overwrite]),
        partial(steps.start_from, checkpoint=init, allow=allow),
        fit_to_machine,
        steps.use_exact_loops,
        steps.drop_late_schedules,
        steps.add_hooks,
        steps.check_keys,
        steps.check_weights,
        steps.check_data_folders,
    ]


def testing_steps(
    checkpoint: str, *, show_dir: str | None = None, out: str | None = None
) -> list[Step]:
    """Return what happens to the config of a test, in order; the options are those of test.py."""
    return [
        partial(steps.load_weights, checkpoint=checkpoint),
        fit_to_machine,
        *([partial(steps.write_predictions, folder=show_dir)] if show_dir else []),
        *([partial(steps.dump_predictions, file=out)] if out else []),
        steps.add_hooks,
        steps.check_keys,
        partial(steps.check_data_folders, loaders=["test_dataloader"]),
    ]


def build_runner(cfg: Config, todo: Iterable[Step]) -> Runner:
    """Return the runner of a config after all steps; join the processes of a run on CPUs.

    Raises:
        ValueError, OSError: As the steps.
    """
    for step in todo:
        cfg = step(cfg)
    if cfg.launcher == "pytorch" and not torch.cuda.is_available():
        join_processes(cfg)
    return RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)


def join_processes(cfg: Config) -> None:
    """Join the processes that torchrun started; on a CPU with gloo, and the model wrapped for it.

    MMEngine would ask CUDA for a device; it accepts a process group that exists.
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


class _Trust(argparse.Action):
    def __call__(self, parser: object, namespace: argparse.Namespace, *_: object) -> None:
        namespace.trust_checkpoint = True
        trust_checkpoints()
