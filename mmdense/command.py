"""The command ``mmdense``: every tool is a subcommand, such as ``mmdense train CONFIG``.

The command replaces its process by the tool, so a tool runs in the same way however it is started.
The command does not import torch or OpenMMLab, so ``mmdense --help`` is fast.
"""

import ast
import difflib
import os
import sys
from pathlib import Path

from mmdense.package_files import ROOT
from mmdense.version import __version__

__all__ = ["main", "tools"]

_PACKAGE = Path(__file__).resolve().parent
# Modules of the package that are also subcommands.
_MODULES = {"doctor": _PACKAGE / "doctor" / "__main__.py", "run": _PACKAGE / "run.py"}
# Files for sbatch, which needs a path.
_NO_COMMANDS = ("slurm_train",)
_TASKS = {
    "Data": ("prepare_data", "make_collage", "check_data", "browse"),
    "Pretrain, train, evaluate": (
        "train",
        "dist_train",
        "test",
        "linear_probe",
        "knn",
        "dense_eval",
    ),
    "Several runs": ("pipeline", "study", "downstream"),
    "Weights": ("transfer", "publish"),
    "Look at runs": (
        *("report", "collapse_report", "draw_features", "compare", "record", "verify", "replay"),
    ),
    "Region proposals": (
        *("dump_proposals", "plot_proposals", "draw_proposals", "export_proposals"),
    ),
    "Configs and installation": ("print_config", "doctor", "run"),
    "Maintain this checkout": ("tables", "measure_memory", "measure_setup"),
}
_USAGE = """\
usage: mmdense TOOL [ARGUMENTS]
       mmdense TOOL --help   the arguments of a tool
       mmdense --where       the folder with configs/ and tools/
       mmdense --version

A CONFIG is a file, or an installed config: mmdense::pretrain/simsiam_r18_photos.py."""


def tools() -> dict[str, Path]:
    """Return the file of every tool by name; some tools exist in a checkout only."""
    folder = ROOT / "tools"
    files = sorted([*folder.glob("*.py"), *folder.glob("*.sh")])
    return {file.stem: file for file in files if file.stem not in _NO_COMMANDS} | _MODULES


def main() -> int:
    """Run the tool in the first argument, or print the list of tools."""
    first, *arguments = sys.argv[1:] or ["--help"]
    files = tools()
    if (name := first.replace("-", "_")) in files:
        _become(name, files[name], arguments)
    answers = {"-h": _overview, "--help": _overview, "--where": lambda _: str(ROOT)}
    answers["--version"] = lambda _: __version__
    if first in answers:
        print(answers[first](files))
        return 0
    nearest = difflib.get_close_matches(name, files, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else "mmdense --help lists the tools."
    print(f"mmdense: unknown tool {first}. {hint}", file=sys.stderr)
    return 2


def _become(name: str, file: Path, arguments: list[str]) -> None:
    """Replace this process by a tool."""
    os.environ["PYTHON"] = sys.executable  # for the shell scripts
    if file.suffix == ".sh":
        os.execvp("bash", ["bash", str(file), *arguments])
    os.environ["MMDENSE_COMMAND"] = f"mmdense {name}"  # for its usage message
    started = ["-m", f"mmdense.{name}"] if name in _MODULES else [str(file)]
    os.execv(sys.executable, [sys.executable, *started, *arguments])


def _overview(files: dict[str, Path]) -> str:
    """The tools by task, each with the first line of its file."""
    others = tuple(sorted(set(files) - {name for names in _TASKS.values() for name in names}))
    lines = [_USAGE]
    for task, names in {**_TASKS, "Others": others}.items():
        there = [name for name in names if name in files]
        lines += ["", task] if there else []
        lines += [f"  {name:<18}{_first_line(files[name])}" for name in there]
    return "\n".join(lines)


def _first_line(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".sh":
        return text.splitlines()[1].removeprefix("# ")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
