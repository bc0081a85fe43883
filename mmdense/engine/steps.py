"""The steps from the config of a user to the config that a runner gets.

Each step changes a config and returns it. :mod:`mmdense.engine.launch` lists them in the order that
they need; where the order matters, the docstring of a step gives the reason.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmdense.checkpoints.last_good import last_good_checkpoint
from mmdense.config.check import check_config
from mmdense.config.upstream_defaults import LOADERS, replace_sync_bn
from mmdense.config.usage_error import UsageError
from mmdense.machine import available_cores, keep_freed_memory, supports_bf16

_DOWNLOADING = ("CIFAR10", "CIFAR100", "MNIST", "FashionMNIST")  # MMPretrain's
_LOAD_HOOK = "mmdense.LoadBackboneHook"


def enable_amp(cfg: Config) -> Config:
    """Train in mixed precision: bfloat16 if the hardware has it, else float16 on a GPU.

    On a processor without bfloat16 the run stays in float32, and the log reports it. Before the
    check of the keys, as the wrapper takes other keys.
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
    return cfg


def scale_learning_rate(cfg: Config) -> Config:
    """Scale the learning rate linearly with the real batch size (Goyal et al. 2017).

    Raises:
        ValueError: The config does not name the batch size that its rate was chosen for.
    """
    if "base_batch_size" not in cfg.get("auto_scale_lr", {}):
        raise ValueError(
            f"--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in {cfg.filename}"
        )
    cfg.auto_scale_lr.enable = True
    return cfg


def resume(cfg: Config, checkpoint: str) -> Config:
    """Continue from ``checkpoint``, or for 'auto' from the last good one in the work directory.

    If there is none yet, 'auto' starts from the beginning. Before the steps that ask whether the
    run is resumed: :func:`refuse_to_overwrite` and :func:`start_from`.

    Raises:
        FileNotFoundError: There is no such checkpoint.
    """
    found = last_good_checkpoint(cfg.work_dir) if checkpoint == "auto" else Path(checkpoint)
    if found is None:
        print_log(f"--resume: no checkpoint in {cfg.work_dir}; training begins", "current")
        return cfg
    if not found.is_file():
        raise FileNotFoundError(f"--resume {found}: there is no such file")
    cfg.resume = True
    cfg.load_from = str(found)
    return cfg


def resume_after_restart(cfg: Config) -> Config:
    """Continue from the last good checkpoint if torchrun has restarted this process.

    Raises:
        RuntimeError: torchrun would pass on the store of the first start, in which the processes
            find the addresses of those that are gone, and wait for them for ever.
    """
    if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) == 0:
        return cfg
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == str(True):
        raise RuntimeError(
            "torchrun's --max-restarts needs a store for each start; use mmdense dist_train, or "
            "set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 and give torchrun --rdzv-backend=c10d"
        )
    return resume(cfg, "auto")


def refuse_to_overwrite(cfg: Config) -> Config:
    """Refuse to start from the beginning in a work directory that holds checkpoints.

    After :func:`resume`: a run that continues may write there.

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
    return cfg


def start_from(cfg: Config, checkpoint: str | None, allow: Sequence[str] = ()) -> Config:
    """Load pretrained weights strictly, by hooks that run after every initialiser.

    Those of ``checkpoint`` fill the backbone; those of ``load_from`` the whole model, or its
    backbone if the file holds no more; those of an ``init_cfg`` of type ``StrictPretrained`` the
    part that it belongs to. After :func:`resume`: a resumed run has its own weights.

    Args:
        cfg: Config.
        checkpoint: File or address.
        allow: What may differ, see :func:`~mmdense.transfer.apply.load_backbone`.
    """
    if cfg.get("resume"):
        return cfg
    hooks = _strict_init(cfg.model)
    if cfg.get("load_from"):
        hooks.append({"checkpoint": cfg.load_from, "module": ""})
        cfg.load_from = None
    if checkpoint:
        hooks.append({"checkpoint": checkpoint})
    for hook in hooks:
        hook["type"] = _LOAD_HOOK
        hook["allow"] = [*hook.get("allow", []), *allow]
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), *hooks]
    return cfg


def _strict_init(model: dict[str, Any], path: str = "") -> list[dict[str, Any]]:
    """Take every ``StrictPretrained`` out of a model; return the arguments of equivalent hooks."""
    hooks = []
    for key, part in list(model.items()):
        if not isinstance(part, dict):
            continue
        if key == "init_cfg" and part.get("type") == "StrictPretrained":
            options = {name: value for name, value in part.items() if name != "type"}
            hooks.append({"module": path, **options})
            model[key] = None
        else:
            hooks += _strict_init(part, f"{path}.{key}".lstrip("."))
    return hooks


def load_weights(cfg: Config, checkpoint: str) -> Config:
    """Test the weights of a checkpoint."""
    cfg.load_from = checkpoint
    return cfg


def write_predictions(cfg: Config, folder: str) -> Config:
    """Also write every test image with its predictions to ``folder``."""
    out_dir = str(Path(folder).absolute())
    hook = {"type": "mmdense.PredictionPicturesHook", "limit": None, "out_dir": out_dir}
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), hook]
    return cfg


def dump_predictions(cfg: Config, file: str) -> Config:
    """Also write all predictions of the test set to ``file``.

    Raises:
        ValueError: The name does not end in .pkl or .pickle.
    """
    if Path(file).suffix not in (".pkl", ".pickle"):
        raise ValueError(f"--out {file}: predictions are pickled; give a name that ends in .pkl")
    evaluators = cfg.test_evaluator
    evaluators = list(evaluators) if isinstance(evaluators, (list, tuple)) else [evaluators]
    cfg.test_evaluator = [*evaluators, {"type": "DumpResults", "out_file_path": file}]
    return cfg


def fit_to_machine(cfg: Config) -> Config:
    """Set threads to the available cores, and reduce what a config asks for beyond them.

    Each process of a node gets an equal share of the cores, unless ``OMP_NUM_THREADS`` or
    ``MKL_NUM_THREADS`` sets the threads: two simultaneous trainings with more threads than cores
    were up to 15 times slower. ``num_workers`` of a loader is an upper bound; OpenCV's own threads
    are off in the workers unless the config sets them, because they compete with the workers for
    the same cores. Without a GPU, SyncBN, which torch has for GPUs only, becomes BatchNorm; before
    :func:`check_weights`, which builds the backbone.
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
    return cfg


def use_exact_loops(cfg: Config) -> Config:
    """Replace MMEngine's training loops by those that resume exactly; keep two checkpoints.

    MMEngine deletes the old checkpoint before it writes the new one; with one kept, a run that is
    killed in between has none.
    """
    loop = cfg.get("train_cfg") or ConfigDict(type=None)
    if "type" not in loop:
        loop.type = "EpochBasedTrainLoop" if loop.pop("by_epoch") else "IterBasedTrainLoop"
    if loop.type in ("EpochBasedTrainLoop", "IterBasedTrainLoop"):
        loop.type = f"mmdense.{loop.type}"
    checkpoint = cfg.get("default_hooks", {}).get("checkpoint")
    if checkpoint and checkpoint.get("max_keep_ckpts") == 1:
        checkpoint.max_keep_ckpts = 2
    return cfg


def drop_late_schedules(cfg: Config) -> Config:
    """Omit schedules that begin after the last epoch, which MMEngine refuses.

    A run reduced to one epoch is all warm-up.
    """
    schedules = cfg.get("param_scheduler")
    epochs = (cfg.get("train_cfg") or {}).get("max_epochs")
    if epochs is None or not isinstance(schedules, list):
        return cfg
    kept = [s for s in schedules if not s.get("by_epoch", True) or s.get("begin", 0) < epochs]
    for schedule in schedules:
        if schedule not in kept:
            print_log(f"{schedule.type} begins after the last epoch; left out", "current")
    cfg.param_scheduler = kept
    return cfg


def add_hooks(cfg: Config) -> Config:
    """Add the hooks of every run that the config does not have itself.

    ``channels_last = False`` keeps the default layout of weights. After the steps that add hooks of
    the user: hooks of one priority run in this order.
    """
    names = ["Record", "Progress"]
    if "train_cfg" in cfg:
        names += ["Preemption", "NonFinite", "BrokenImages"]
    if cfg.get("channels_last", True):
        names.append("ChannelsLast")
    hooks = [*cfg.get("custom_hooks", []), *cfg.get("default_hooks", {}).values()]
    own = {hook.get("type") for hook in hooks if hook}
    types = [name for name in (f"mmdense.{name}Hook" for name in names) if name not in own]
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), *({"type": name} for name in types)]
    return cfg


def check_keys(cfg: Config) -> Config:
    """Refuse mistyped keys and types; after every step that changes a key.

    Raises:
        UsageError: All mistakes are listed.
    """
    if problems := check_config(cfg):
        raise UsageError("the config has mistakes:\n" + "\n".join(f"  {p}" for p in problems))
    return cfg


def check_weights(cfg: Config) -> Config:
    """Refuse a checkpoint that does not fit the backbone, before data sets are built.

    That may take minutes. The backbone is built alone, so after :func:`check_keys`, which explains
    a mistake in its config better. Weights of other parts are only compared when they are loaded.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        IncompatibleCheckpointError: See :func:`~mmdense.transfer.apply.load_backbone`.
    """
    from mmdense.transfer.apply import load_alone

    for hook in cfg.get("custom_hooks", []):
        loads = hook.get("type") == _LOAD_HOOK and not cfg.get("resume")
        if loads and hook.get("module", "backbone") == "backbone":
            options = {key: hook[key] for key in ("branch", "allow", "grid") if key in hook}
            load_alone(cfg, hook["checkpoint"], **options)
    return cfg


def check_data_folders(cfg: Config, loaders: Iterable[str] = LOADERS) -> Config:
    """Refuse a ``data_root`` that is no folder; last, as the data may be prepared meanwhile.

    Data sets that download themselves, and paths with a scheme such as ``s3://``, are not checked.

    Raises:
        UsageError: The message names the key and the path.
    """
    for loader in loaders:
        for key, root in _data_roots(cfg.get(loader) or {}, loader):
            if root and ":/" not in root and not Path(root).exists():
                raise UsageError(
                    f"{key}: no such folder {root!r}. Set it with --cfg-options "
                    f'"{key}=FOLDER", or prepare the data set first (mmdense prepare_data)'
                )
    return cfg


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
