"""Write the weights of a backbone, as a config builds it, from a checkpoint of any dialect.

python tools/transfer.py CHECKPOINT --to CONFIG [-o OUT] [--branch teacher] [--allow NAME...]
    [--cfg-options model.backbone.img_size=448]
"""

import argparse
import sys

from mmdense.engine.arguments import ToolParser
from mmdense.engine.config_options import ConfigOptions


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch
    from mmdense.transfer.source import BRANCHES

    parser = ToolParser(
        description="Write the weights of a backbone, as a config builds it, from any checkpoint."
    )
    parser.add_argument("checkpoint", help="file or address, .pth or .safetensors")
    parser.add_argument("--to", required=True, metavar="CONFIG", help="config of the target")
    parser.add_argument("-o", "--out", metavar="FILE", help="to write; without it, only a table")
    words = "config of the source: both compute the features of one picture, to be compared"
    parser.add_argument("--from", dest="source", metavar="CONFIG", help=words)
    words = "of a file that has several; default what its authors evaluate"
    parser.add_argument("--branch", choices=BRANCHES, help=words)
    words = "weights and doubts that may differ, such as 'norm0.*' or heads"
    parser.add_argument("--allow", nargs="+", default=[], metavar="NAME", help=words)
    words = "patches that the source was trained with, if not a square"
    sides = ("ROWS", "COLUMNS")
    parser.add_argument("--grid", nargs=2, type=int, metavar=sides, help=words)
    words = "overrides of the target's config"
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, metavar="K=V", help=words)
    launch.add_trust_argument(parser)
    return parser.parse_args()


def main() -> int:
    """Transfer, print the table, write the file."""
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
