"""Export the weights of a checkpoint, without optimizer and settings.

python tools/publish.py work_dirs/RUN/epoch_12.pth [--format safetensors] [-o FOLDER]
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Write the file and print its name."""
    parser = ToolParser(__doc__)
    parser.add_argument("checkpoint", help="checkpoint of a training")
    words = "output folder (default: that of the checkpoint)"
    parser.add_argument("-o", "--out", metavar="FOLDER", help=words)
    parser.add_argument("--format", choices=["pth", "safetensors"], default="pth")
    parser.add_trust()
    args = parser.parse_args()
    from mmdense.checkpoints.publish import publish

    print(publish(args.checkpoint, args.out, suffix=f".{args.format}"))


if __name__ == "__main__":
    sys.exit(main())
