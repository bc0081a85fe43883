"""Export the weights of a checkpoint, without optimizer and settings.

python tools/publish.py work_dirs/RUN/epoch_12.pth [--format safetensors] [-o FOLDER]
"""

import argparse
import sys

from mmdense.config.arguments import ToolParser


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description="Export the weights of a checkpoint.")
    parser.add_argument("checkpoint", help="checkpoint of a training")
    parser.add_argument(
        "-o", "--out", metavar="FOLDER", help="output folder (default: that of the checkpoint)"
    )
    parser.add_argument("--format", choices=["pth", "safetensors"], default="pth")
    launch.add_trust_argument(parser)
    return parser.parse_args()


def main() -> int:
    """Write the file and print its name."""
    args = parse_arguments()
    from mmdense.checkpoints.publish import publish

    try:
        print(publish(args.checkpoint, args.out, suffix=f".{args.format}"))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
