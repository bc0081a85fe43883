"""Find broken images and wrong annotations in the data of a config.

python tools/check_data.py CONFIG [--split train val test]

The exit status is 1 if there are errors.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions, read_config

SPLITS = ("train", "val", "test")


def main() -> None:
    """Check the data set of each split and print a table."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=config_file, help="config of mmdense or OpenMMLab")
    parser.add_argument(
        "--split",
        nargs="+",
        choices=SPLITS,
        default=SPLITS,
        help="default: all splits of the config",
    )
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    args = parser.parse_args()
    sys.exit(1 if check(args.config, args.split, args.cfg_options) else 0)


def check(config: str, splits: Iterable[str], options: Mapping[str, Any] | None = None) -> int:
    """Return the number of errors in the splits that the config has."""
    from mmengine.registry import init_default_scope
    from rich.console import Console
    from rich.progress import track

    from mmdense.data.checks.dataset import check_dataset
    from mmdense.data.checks.problems import errors_of, print_problems
    from mmdense.machine import available_cores

    cfg = read_config(config, options)
    init_default_scope(cfg.get("default_scope", "mmengine"))
    console = Console()
    errors = 0
    for split in splits:
        loader = cfg.get(f"{split}_dataloader")
        if not loader:
            continue
        problems = check_dataset(
            loader.dataset,
            workers=available_cores(),
            progress=lambda results, total: track(results, "reading", total, console=console),
        )
        print_problems(split, problems, console)
        errors += len(errors_of(problems))
    return errors


if __name__ == "__main__":
    main()
