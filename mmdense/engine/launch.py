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

from mmdense.config.options import read_config
from mmdense.config.upstream_defaults import fill_upstream_defaults
from mmdense.engine import steps
from mmdense.engine.steps import fit_to_machine

__all__ = [
    "build_runner",
    "fit_to_machine",
    "join_processes",
    "load_config",
    "testing_steps",
    "training_steps",
]

Step = Callable[[Config], Config]


def load_config(args: argparse.Namespace) -> Config:
    """Return the config of a tool, with its options and with what upstream's own tools set.

    Args:
        args: ``config`` and ``cfg_options``; those of ``ToolParser.add_run`` are optional.
    """
    given = {"local_rank": 0, "launcher": "none", "work_dir": None, "seed": None, **vars(args)}
    os.environ.setdefault("LOCAL_RANK", str(given["local_rank"]))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = given["launcher"]
    if given["work_dir"] or cfg.get("work_dir") is None:
        cfg.work_dir = given["work_dir"] or str(Path("work_dirs") / Path(args.config).stem)
    if given["seed"] is not None:
        cfg.randomness = {**cfg.get("randomness", {}), "seed": given["seed"]}
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
