"""Run a tool of MMDetection, MMPretrain or MMSegmentation with mmdense.

python -m mmdense.run TOOL [ARGUMENTS]

TOOL is a file, or a tool of a package: mmdet:analysis_tools/confusion_matrix. Such tools import
``mmcv.ops`` before they read a config, so ``custom_imports`` would be too late.
"""

import argparse
import importlib.util
import os
import runpy
import sys
from pathlib import Path

__all__ = ["find_tool", "installed_tools"]

_PACKAGES = ("mmdet", "mmpretrain", "mmseg")


def installed_tools() -> dict[str, Path]:
    """Return the Python tools in the OpenMMLab packages, by ``package:path``."""
    tools = {}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            folder = Path(location) / ".mim" / "tools"
            for file in sorted(folder.rglob("*.py")):
                name = file.relative_to(folder).with_suffix("").as_posix()
                tools[f"{package}:{name}"] = file
    return tools


def find_tool(name: str) -> Path:
    """Return the file of a tool, given as a path or as ``package:path``.

    Raises:
        ValueError: There is no such file or tool; the message lists tools with the same last part,
            or how to list all.
    """
    if Path(name).is_file():
        return Path(name)
    tools = installed_tools()
    wanted = name.removesuffix(".py")
    if wanted in tools:
        return tools[wanted]
    last = wanted.replace(":", "/").rpartition("/")[2]
    alike = [tool for tool in tools if tool.replace(":", "/").rpartition("/")[2] == last]
    hint = f"Did you mean {' or '.join(alike)}?" if alike else "--list shows the installed tools."
    raise ValueError(f"no such file or tool: {name}. {hint}")


def main() -> None:
    """Run the tool as if it had been started directly."""
    parser = argparse.ArgumentParser(
        prog=os.environ.pop("MMDENSE_COMMAND", "python -m mmdense.run"),
        description="Run a tool of MMDetection, MMPretrain or MMSegmentation with mmdense.",
    )
    parser.add_argument("--list", action="store_true", help="list the tools that are installed")
    parser.add_argument("tool", nargs="?", help="a file, or such as mmdet:analysis_tools/get_flops")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the tool")
    options = parser.parse_args()
    if options.list:
        print("\n".join(installed_tools()))
        return
    if options.tool is None:
        parser.error("pass a TOOL, or --list")
    try:
        file = find_tool(options.tool)
    except ValueError as error:
        parser.error(str(error))
    sys.argv = [str(file), *options.arguments]
    sys.path[0] = str(file.parent.absolute())
    runpy.run_path(str(file), run_name="__main__")


if __name__ == "__main__":
    main()
