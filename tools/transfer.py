"""Convert a checkpoint of any key naming scheme for the backbone of a config.

python tools/transfer.py CHECKPOINT --to CONFIG [-o OUT] [--branch teacher] [--allow NAME...]
    [--cfg-options model.backbone.img_size=448]
"""

import sys

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Print the table and write the file."""
    from mmdense.transfer.find import BRANCHES

    parser = ToolParser(__doc__)
    option = parser.add_argument
    option("checkpoint", help="file or URL, .pth or .safetensors")
    words = "config of the target"
    option("--to", required=True, type=config_file, metavar="CONFIG", help=words)
    option("-o", "--out", metavar="FILE", help="output file (default: only print a table)")
    words = "config of the source: check that both backbones return the same features"
    option("--from", dest="source", type=config_file, metavar="CONFIG", help=words)
    words = "branch, if the file has several backbones (default: see docs/transfer.md)"
    option("--branch", choices=BRANCHES, help=words)
    parser.add_allow()
    words = "grid of patches of the source, if it is not square"
    option("--grid", nargs=2, type=int, metavar=("ROWS", "COLUMNS"), help=words)
    parser.add_overrides()
    parser.add_trust()
    args = parser.parse_args()
    from mmdense.transfer.convert import convert

    grid = None if args.grid is None else tuple(args.grid)
    options = {"branch": args.branch, "allow": args.allow, "grid": grid}
    files = (args.checkpoint, args.to, args.out, args.source)
    for line in convert(*files, overrides=args.cfg_options, **options):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
