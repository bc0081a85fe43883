"""Evaluate a checkpoint with the metrics of a config.

python tools/test.py CONFIG CHECKPOINT [--out predictions.pkl] [--show-dir images]
"""

import argparse

from mmdense.config.arguments import ToolParser


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description="Evaluate a checkpoint with the metrics of a config.")
    launch.add_common_arguments(parser)
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE.pkl", help="also write all predictions to this file")
    parser.add_argument(
        "--show-dir",
        metavar="DIR",
        help="also write the test images with their predictions",
    )
    return parser.parse_args()


def main() -> None:
    """Build the runner and test."""
    args = parse_arguments()
    from mmdense.engine import launch

    steps = launch.testing_steps(args.checkpoint, show_dir=args.show_dir, out=args.out)
    launch.build_runner(launch.load_config(args), steps).test()


if __name__ == "__main__":
    main()
