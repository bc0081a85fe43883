"""Find broken images and wrong annotations in the data of a config.

python tools/check_data.py CONFIG [--split train val test]

The exit status is 1 if there are errors.
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.options import read_config

SPLITS = ("train", "val", "test")


def main() -> int:
    """Check the data set of each split that the config has, and print a table."""
    parser = ToolParser(__doc__)
    parser.add_config("config of mmdense or OpenMMLab")
    words = "default: all splits of the config"
    parser.add_argument("--split", nargs="+", choices=SPLITS, default=SPLITS, help=words)
    args = parser.parse_args()
    from mmengine.registry import init_default_scope
    from rich.console import Console
    from rich.progress import track

    from mmdense.data.checks.dataset import check_dataset
    from mmdense.data.checks.problems import print_problems
    from mmdense.machine import available_cores

    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get("default_scope", "mmengine"))
    console = Console()
    errors = 0
    for split in args.split:
        loader = cfg.get(f"{split}_dataloader")
        if not loader:
            continue
        problems = check_dataset(
            loader.dataset,
            workers=available_cores(),
            progress=lambda results, total: track(results, "reading", total, console=console),
        )
        print_problems(split, problems, console)
        errors += sum(one.level == "error" for one in problems)
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(main())
