"""Look for broken pictures and wrong annotations in the data of a config.

python tools/check_data.py CONFIG [--split train val test]

Exits with 1 where there are errors.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

SPLITS = ("train", "val", "test")


def main() -> None:
    """Check the data set of each split and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="config file, of ours or of a host")
    parser.add_argument(
        "--split", nargs="+", choices=SPLITS, default=SPLITS, help="default: all that it has"
    )
    args = parser.parse_args()
    if not Path(args.config).is_file():
        parser.error(f"there is no config file {args.config}")
    sys.exit(1 if check(args.config, args.split) else 0)


def check(config: str, splits: Iterable[str]) -> int:
    """The number of errors in the splits that the config has."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from rich.console import Console
    from rich.progress import track

    import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)
    from mmdense.data.checks.dataset import check_dataset
    from mmdense.data.checks.finding import errors_of
    from mmdense.data.checks.report import print_findings
    from mmdense.machine import available_cores

    cfg = Config.fromfile(config)
    init_default_scope(cfg.get("default_scope", "mmengine"))
    console = Console()
    errors = 0
    for split in splits:
        loader = cfg.get(f"{split}_dataloader")
        if not loader:
            continue
        findings = check_dataset(
            loader.dataset,
            workers=available_cores(),
            progress=lambda results, total: track(results, "reading", total, console=console),
        )
        print_findings(split, findings, console)
        errors += len(errors_of(findings))
    return errors


if __name__ == "__main__":
    main()
