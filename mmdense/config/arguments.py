"""The command line of every tool: the error on an unknown argument names the replacement.

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
from typing import Any, NamedTuple

from mmdense.package_files import locate_config

__all__ = ["ToolParser", "UsageError", "config_file"]


class UsageError(ValueError):
    """A mistake on the command line or in a config; tools print it without a traceback."""


def config_file(name: str) -> str:
    """Return the file of a config: the type of an argument of a parser.

    Raises:
        ArgumentTypeError: There is no such file, and no package brings it.
    """
    file = locate_config(name)
    if not file.is_file():
        raise argparse.ArgumentTypeError(f"there is no config file {name}")
    return str(file)


def _print_usage_error(
    prog: str, other: Callable, kind: type, error: BaseException, trace: Any
) -> None:
    if isinstance(error, UsageError):
        print(f"{prog}: {error}", file=sys.stderr)
    else:
        other(kind, error, trace)


class _Hint(NamedTuple):
    """Replacement for some arguments, and the option that the tool must have for it."""

    names: str
    text: str
    option: str = ""


_HINTS = (
    _Hint(
        "device gpu gpu-id gpu-ids cuda no-cuda cpu",
        "A tool uses the first visible GPU, or the CPU where there is none: set "
        "CUDA_VISIBLE_DEVICES=0 for one GPU, CUDA_VISIBLE_DEVICES= for the CPU",
    ),
    _Hint(
        "gpus num-gpus ngpus nproc-per-node nproc_per_node nnodes node-rank master-addr "
        "master-port world-size devices num-processes dist-url multi-gpu",
        "For several GPUs use mmdense dist_train CONFIG GPUS, or tools/slurm_train.sh CONFIG; "
        "for one, set CUDA_VISIBLE_DEVICES=0",
    ),
    _Hint(
        "local-rank local_rank rank launcher",
        "This tool runs in one process: start it with python, not with torchrun",
    ),
    _Hint(
        "epochs epoch max-epochs num-epochs",
        "Use --cfg-options train_cfg.max_epochs=N",
        "--cfg-options",
    ),
    _Hint(
        "iters max-iters steps max-steps num-iters iterations",
        "Use --cfg-options train_cfg.max_iters=N",
        "--cfg-options",
    ),
    _Hint(
        "batch-size batch b bs samples-per-gpu",
        "Use --cfg-options train_dataloader.batch_size=N",
        "--cfg-options",
    ),
    _Hint(
        "workers num-workers j workers-per-gpu",
        "Use --cfg-options train_dataloader.num_workers=N",
        "--cfg-options",
    ),
    _Hint(
        "lr learning-rate base-lr",
        "Use --cfg-options optim_wrapper.optimizer.lr=RATE",
        "--cfg-options",
    ),
    _Hint(
        "weight-decay wd",
        "Use --cfg-options optim_wrapper.optimizer.weight_decay=VALUE",
        "--cfg-options",
    ),
    _Hint("optimizer opt", "Use --cfg-options optim_wrapper.optimizer.type=NAME", "--cfg-options"),
    _Hint(
        "data data-root data-path data-dir dataset root datasets",
        'The config names its data: use --cfg-options data_root="FOLDER" where it has such a '
        'variable, else train_dataloader.dataset.data_root="FOLDER"',
        "--cfg-options",
    ),
    _Hint(
        "imgsz img-size image-size size scale input-size",
        "The config's pipeline holds the size: mmdense print_config CONFIG shows the keys "
        "for --cfg-options",
        "--cfg-options",
    ),
    _Hint("num-classes classes nc", "The config holds the classes", "--cfg-options"),
    _Hint(
        "weights pretrained pretrained-weights load-from checkpoint-path ckpt finetune init-from",
        "Use --init CHECKPOINT for the backbone, --cfg-options load_from=CHECKPOINT for the whole "
        "model",
        "--init",
    ),
    _Hint("resume-from auto-resume resume-checkpoint", "Use --resume [CHECKPOINT]", "--resume"),
    _Hint(
        "no-validate no-val noval",
        "Use --cfg-options val_cfg=None val_dataloader=None val_evaluator=None",
        "--cfg-options",
    ),
    _Hint("options opts override overrides set", "Use --cfg-options KEY=VALUE", "--cfg-options"),
    _Hint("fp16 bf16 half mixed-precision precision autocast", "Use --amp", "--amp"),
    _Hint("deterministic", "Use --cfg-options randomness.deterministic=True", "--cfg-options"),
    _Hint("diff-seed", "Use --cfg-options randomness.diff_rank_seed=True", "--cfg-options"),
    _Hint("eval metrics metric", "The config's evaluators hold the metrics", "--cfg-options"),
    _Hint("force exist-ok", "Use --overwrite", "--overwrite"),
    _Hint("out output output-dir out-dir save-dir project logdir", "Use --work-dir", "--work-dir"),
    _Hint("show show-score-thr wait-time draw save-img", "Use --show-dir DIR", "--show-dir"),
)


class ToolParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose error on an unknown argument names the replacement.

    Once it has parsed, a :class:`UsageError` that nothing catches ends the tool with its message
    alone and status 1; any other error keeps its traceback.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The command `mmdense` gives the name of the tool.
        if name := os.environ.pop("MMDENSE_COMMAND", None):
            kwargs["prog"] = name
        super().__init__(*args, **kwargs)

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
        name = word.lstrip("-").lower()
        dashed = name.replace("_", "-")
        positionals = [action.dest for action in self._actions if not action.option_strings]
        hint = f"See {self.prog} --help"
        if f"--{dashed}" in options:
            hint = f"Use --{dashed}"
        elif dashed.replace("-", "_") in positionals:
            hint = f"Give {name.upper()} without --{name}"
        elif found := [
            hint.text
            for hint in _HINTS
            if {name, dashed} & set(hint.names.split()) and hint.option in ["", *options]
        ]:
            hint = found[0]
        elif nearest := difflib.get_close_matches(f"--{dashed}", options, n=1):
            hint = f"Did you mean {nearest[0]}?"
        return f"unrecognized argument {word}. {hint}"
