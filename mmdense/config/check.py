"""Find mistyped and misplaced keys of a config before a run starts.

MMEngine ignores a name at the top of a config that it does not know, since a config may have
variables of its own: ``optim_wraper = dict(...)`` trains with the inherited optimizer, without a
word. A key that a component does not take is found by MMEngine too, when that component is built.
"""

import ast
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdense.config.component_types import ConfigProblem, check_types
from mmdense.config.options import read_keys
from mmdense.config.origin import COMMAND_LINE, KeyPath, TracedConfig, is_lazy, trace

__all__ = ["check_config"]

# Keys of a config of OpenMMLab 1.x, and what replaces them.
_FORMER = {
    "checkpoint_config": "default_hooks.checkpoint",
    "cudnn_benchmark": "env_cfg.cudnn_benchmark",
    "data": "train_dataloader, val_dataloader and test_dataloader",
    "dist_params": "env_cfg.dist_cfg",
    "evaluation": "val_evaluator, and val_interval in train_cfg",
    "fp16": "optim_wrapper.type = 'AmpOptimWrapper'",
    "log_config": "default_hooks.logger and visualizer.vis_backends",
    "lr": "optim_wrapper.optimizer.lr",
    "lr_config": "param_scheduler",
    "momentum_config": "param_scheduler",
    "optimizer": "optim_wrapper.optimizer",
    "optimizer_config": "optim_wrapper.clip_grad",
    "resume_from": "load_from and resume = True",
    "runner": "train_cfg",
    "total_epochs": "train_cfg.max_epochs",
}
_ALIKE = 0.8  # minimum similarity to a known name, as measured by difflib


def check_config(cfg: Config) -> list[ConfigProblem]:
    """Look for keys and types that nothing will take.

    Call it on the config as the runner gets it, after its ``custom_imports``; it imports what
    building the runner would import. Found are: a name at the top that resembles a known one and is
    no variable that the config itself uses; a setting of OpenMMLab 1.x or a learning rate at the
    top; a type that no registry has; a key that its class does not take, also of hooks and data
    loaders. Names at the top of an upstream config, and keys of a class that takes any, are not
    checked.

    Returns:
        The problems in the order of the config, none for a sound one. A value that its files do not
        have is of the command line; a config that a program made has no origins.
    """
    names = {problem.path: problem for problem in _unread_names(cfg)}
    problems = [*names.values(), *check_types(cfg)]
    if not problems:
        return []
    file = cfg.filename if cfg.filename and Path(cfg.filename).is_file() else None
    traced = trace(file) if file and not is_lazy(file) else None  # reads the files again
    files = traced.files if traced else filter(None, [file])
    used = set().union(*(_names_used(Path(name)) for name in files))
    found = []
    for problem in problems:
        problem.origin = _origin(traced, cfg, problem.path) if traced else file
        upstream = re.match(r"(?!mmdense)\w+::", problem.origin or "")
        if problem.path not in names or not (problem.path[0] in used or upstream):
            found.append(problem)
    order = {key: place for place, key in enumerate(cfg)}
    return sorted(found, key=lambda problem: order[problem.path[0]])


def _origin(traced: TracedConfig, cfg: Config, path: KeyPath) -> str | None:
    """Return the file of a value, or the command line if the files have another value."""
    then: Any = traced.config._cfg_dict
    now: Any = cfg._cfg_dict
    for key in path:
        try:
            then, now = then[key], now[key]
        except (KeyError, IndexError, TypeError):
            return COMMAND_LINE
    return traced.origins.of(path) if then == now else COMMAND_LINE


def _unread_names(cfg: Config) -> Iterator[ConfigProblem]:
    """Yield the names at the top that may be mistakes, unless the config uses them itself."""
    known = read_keys()
    for key in set(cfg) - known:
        if key in _FORMER and not isinstance(cfg[key], list):
            what = "nothing reads this name at the top of a config; its place is"
            yield ConfigProblem((key,), f"{what} {_FORMER[key]}")
        elif alike := difflib.get_close_matches(key, sorted(known), n=1, cutoff=_ALIKE):
            yield ConfigProblem((key,), "nothing reads this name", alike[0])


def _names_used(file: Path) -> set[str]:
    """Return the names that a file reads, its own or those of its bases (``_base_.name``)."""
    if file.suffix != ".py":
        return set()
    text = file.read_text(encoding="utf-8")
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "_base_":
            names.add(node.attr)
    return names | set(re.findall(r"\{\{\s*_base_\.(\w+)", text))
