"""The command line of every tool: common options.

People come with the arguments of other trainers (``--epochs``, ``--device``, ``--data``). Here
these are values of the config, or the job of a launcher; the error names the place.
"""

import argparse
import difflib
import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from mmdense.config.usage_error import UsageError
from mmdense.package_files import locate_config

__all__ = [
    "ToolParser",
    "config_file",
    "file_ending",
    "positive",
]


def config_file(name: str) -> str:
    """Return the file of a config: the type of an argument of a parser.

    Raises:
        ArgumentTypeError: There is no such file, and no package brings it.
    """
    file = locate_config(name)
    if not file.is_file():
        raise argparse.ArgumentTypeError(f"there is no config file {name}")
    return str(file)


def positive(text: str) -> int:
    """Return a positive integer: the type of an argument of a parser.

    Raises:
        ArgumentTypeError: It is below 1.
    """
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, found {number}")
    return number


def file_ending(*suffixes: str) -> Callable[[str], Path]:
    """Return the type of an argument of a parser: a path with one of the suffixes."""

    def path(name: str) -> Path:
        if Path(name).suffix not in suffixes:
            raise argparse.ArgumentTypeError(
                f"{name}: the name must end in {' or '.join(suffixes)}"
            )
        return Path(name)

    return path


# Arguments of other trainers that are values of a config here.
_CONFIG_VALUES = {
    "epochs epoch max-epochs num-epochs": "train_cfg.max_epochs=N",
    "iters max-iters steps max-steps num-iters iterations": "train_cfg.max_iters=N",
    "batch-size batch b bs samples-per-gpu": "train_dataloader.batch_size=N",
    "workers num-workers j workers-per-gpu": "train_dataloader.num_workers=N",
    "lr learning-rate base-lr": "optim_wrapper.optimizer.lr=RATE",
    "weight-decay wd": "optim_wrapper.optimizer.weight_decay=VALUE",
    "optimizer opt": "optim_wrapper.optimizer.type=NAME",
    "data data-root data-path data-dir dataset root datasets": 'data_root="FOLDER", or if the '
    'config has no such variable, train_dataloader.dataset.data_root="FOLDER"',
    "imgsz img-size image-size size scale input-size": "KEY=VALUE; the size is in the pipeline of "
    "the config, and mmdense print_config CONFIG shows the keys",
    "num-classes classes nc": "KEY=VALUE; the classes are in the config",
    "no-validate no-val noval": "val_cfg=None val_dataloader=None val_evaluator=None",
    "options opts override overrides set": "KEY=VALUE",
    "deterministic": "randomness.deterministic=True",
    "diff-seed": "randomness.diff_rank_seed=True",
    "eval metrics metric": "KEY=VALUE; the metrics are in the evaluators of the config",
}
# Other ones, with the option that a tool must have for the advice.
_OTHERS = {
    "device gpu gpu-id gpu-ids cuda no-cuda cpu": (
        "",
        "A tool uses the first visible GPU, or the CPU where there is none: set "
        "CUDA_VISIBLE_DEVICES=0 for one GPU, CUDA_VISIBLE_DEVICES= for the CPU",
    ),
    "gpus num-gpus ngpus nproc-per-node nnodes node-rank master-addr master-port world-size "
    "devices num-processes dist-url multi-gpu": (
        "",
        "For several GPUs use mmdense dist_train CONFIG GPUS, or tools/slurm_train.sh CONFIG; "
        "for one, set CUDA_VISIBLE_DEVICES=0",
    ),
    "local-rank rank launcher": (
        "",
        "This tool runs in one process: start it with python, not with torchrun",
    ),
    "weights pretrained pretrained-weights load-from checkpoint-path ckpt finetune init-from": (
        "--init",
        "Use --init CHECKPOINT for the backbone, --cfg-options load_from=CHECKPOINT for the whole "
        "model",
    ),
    "resume-from auto-resume resume-checkpoint": ("--resume", "Use --resume [CHECKPOINT]"),
    "fp16 bf16 half mixed-precision precision autocast": ("--amp", "Use --amp"),
    "force exist-ok": ("--overwrite", "Use --overwrite"),
    "out output output-dir out-dir save-dir project logdir": ("--work-dir", "Use --work-dir"),
    "show show-score-thr wait-time draw save-img": ("--show-dir", "Use --show-dir DIR"),
}
_HINTS = {
    name: hint
    for names, hint in [
        *((k, ("--cfg-options", f"Use --cfg-options {v}")) for k, v in _CONFIG_VALUES.items()),
        *_OTHERS.items(),
    ]
    for name in names.split()
}


class ToolParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose error on an unknown argument names the replacement.

    Once it has parsed, a :class:`UsageError` that nothing catches ends the tool with its message
    alone and status 1; any other error keeps its traceback.

    Args:
        doc: Docstring of the tool; its first line is the description.
        kwargs: Further arguments of ``ArgumentParser``.
    """

    def __init__(self, doc: str | None = None, **kwargs: Any) -> None:
        # The command `mmdense` gives the name of the tool.
        if name := os.environ.pop("MMDENSE_COMMAND", None):
            kwargs["prog"] = name
        super().__init__(description=(doc or "").partition("\n")[0], **kwargs)

    def add_config(self, words: str = "config file") -> None:
        """Add the positional argument ``config``, and ``--cfg-options``."""
        self.add_argument("config", type=config_file, help=words)
        self.add_overrides()

    def add_overrides(self) -> None:
        """Add ``--cfg-options``: ``args.cfg_options`` is a dict by dotted keys, or None."""
        from mmdense.config.options import ConfigOptions  # late: it imports MMEngine

        self.add_argument(
            "--cfg-options",
            nargs="+",
            action=ConfigOptions,
            metavar="KEY=VALUE",
            help="overrides, such as train_cfg.max_epochs=12 model.backbone.depth=50",
        )

    def add_trust(self) -> None:
        """Add ``--trust-checkpoint``, which takes effect when it is parsed."""
        self.add_argument(
            "--trust-checkpoint",
            action=_Trust,
            nargs=0,
            default=False,
            help="read checkpoints that contain more than weights; such a file can execute code",
        )

    def add_allow(self) -> None:
        """Add ``--allow``: what may differ between a checkpoint and a backbone."""
        self.add_argument(
            "--allow",
            nargs="+",
            default=[],
            metavar="NAME",
            help="weights and mismatches to accept, such as 'norm0.*' or heads",
        )

    def add_run(self, launchers: Sequence[str] = ("none", "pytorch", "slurm", "mpi")) -> None:
        """Add a config and what every run takes, with the names that OpenMMLab uses."""
        self.add_config()
        self.add_argument("--work-dir", help="output folder (default: below work_dirs/)")
        self.add_argument("--seed", type=int, help="random seed (default: that of the config)")
        self.add_argument(
            "--launcher",
            choices=launchers,
            default="none",
            help="how the processes were started; torchrun is 'pytorch'",
        )
        self.add_argument(
            "--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS
        )
        self.add_trust()

    def add_workflow(self, slug: str, what: str) -> None:
        """Add the options of several runs that share their data and their record."""
        self.add_argument("--work-dir", type=Path, help=f"default: work_dirs/{what}")
        self.add_argument(
            "--source",
            type=Path,
            help="folder with the downloaded archives (default: $MMDENSE_SOURCES)",
        )
        self.add_argument(
            "--keep",
            metavar="NAME",
            help=f"also keep the record as results/{slug}/<date>_<NAME>; needs a clean git tree",
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Parse; check for unknown arguments first, before their values are parsed as others."""
        words = sys.argv[1:] if args is None else list(args)
        for word in takewhile(lambda word: word != "--", words):
            if re.match(r"--?[A-Za-z]", word) and not self._knows(word):
                self.error(self._explain(word.partition("=")[0]))
        found, unknown = self.parse_known_args(words, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}; see --help")
        sys.excepthook = functools.partial(_print_usage_error, self.prog, sys.excepthook)
        return found

    def _knows(self, word: str) -> bool:
        """Return whether a word is an option or a prefix of one, as in argparse."""
        if not word.startswith("--"):
            return any(word.startswith(option) for option in self._options() if option[1] != "-")
        name = word.partition("=")[0]
        return any(option.startswith(name) for option in self._options())

    def _options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def _explain(self, word: str) -> str:
        options = [option for option in self._options() if option.startswith("--")]
        dashed = word.lstrip("-").lower().replace("_", "-")
        positionals = [action.dest for action in self._actions if not action.option_strings]
        needed, advice = _HINTS.get(dashed, ("", ""))
        nearest = difflib.get_close_matches(f"--{dashed}", options, n=1)
        hint = f"See {self.prog} --help"
        if f"--{dashed}" in options:
            hint = f"Use --{dashed}"
        elif dashed.replace("-", "_") in positionals:
            hint = f"Give {dashed.upper()} without --{dashed}"
        elif advice and needed in ("", *options):
            hint = advice
        elif nearest:
            hint = f"Did you mean {nearest[0]}?"
        return f"unrecognized argument {word}. {hint}"


def _print_usage_error(
    prog: str, other: Callable, kind: type, error: BaseException, trace: Any
) -> None:
    if isinstance(error, UsageError):
        print(f"{prog}: {error}", file=sys.stderr)
    else:
        other(kind, error, trace)


class _Trust(argparse.Action):
    def __call__(self, parser: object, namespace: argparse.Namespace, *_: object) -> None:
        from mmdense.checkpoints.read import trust_checkpoints  # late: it imports torch

        namespace.trust_checkpoint = True
        trust_checkpoints()
