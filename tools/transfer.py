"""Convert a checkpoint of any key naming scheme for the backbone of a config.

python tools/transfer.py CHECKPOINT --to CONFIG [-o OUT] [--branch teacher] [--allow NAME...]
    [--cfg-options model.backbone.img_size=448]
"""

import argparse
import sys

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch
    from mmdense.transfer.find import BRANCHES

    parser = ToolParser(
        description="Convert a checkpoint of any key naming scheme for the backbone of a config."
    )
    parser.add_argument("checkpoint", help="file or URL, .pth or .safetensors")
    parser.add_argument(
        "--to", required=True, type=config_file, metavar="CONFIG", help="config of the target"
    )
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="output file (default: only print a table)"
    )
    words = "config of the source: check that both backbones return the same features"
    parser.add_argument("--from", dest="source", type=config_file, metavar="CONFIG", help=words)
    words = "branch, if the file has several backbones (default: see docs/transfer.md)"
    parser.add_argument("--branch", choices=BRANCHES, help=words)
    words = "weights and mismatches to accept, such as 'norm0.*' or heads"
    parser.add_argument("--allow", nargs="+", default=[], metavar="NAME", help=words)
    words = "grid of patches of the source, if it is not square"
    sides = ("ROWS", "COLUMNS")
    parser.add_argument("--grid", nargs=2, type=int, metavar=sides, help=words)
    words = "overrides of the target config"
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, metavar="K=V", help=words)
    launch.add_trust_argument(parser)
    return parser.parse_args()


def main() -> int:
    """Print the table and write the file."""
    args = parse_arguments()
    from mmdense.transfer.convert import convert

    grid = None if args.grid is None else tuple(args.grid)
    options = {"branch": args.branch, "allow": args.allow, "grid": grid}
    files = (args.checkpoint, args.to, args.out, args.source)
    try:
        for line in convert(*files, overrides=args.cfg_options, **options):
            print(line)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
