"""Evaluate a checkpoint with the metrics of a config.

python tools/test.py CONFIG CHECKPOINT [--out predictions.pkl] [--show-dir images]
"""

from mmdense.config.arguments import ToolParser


def main() -> None:
    """Build the runner and test."""
    parser = ToolParser(__doc__)
    parser.add_run()
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE.pkl", help="also write all predictions to this file")
    words = "also write the test images with their predictions"
    parser.add_argument("--show-dir", metavar="DIR", help=words)
    args = parser.parse_args()
    from mmdense.engine import launch

    steps = launch.testing_steps(args.checkpoint, show_dir=args.show_dir, out=args.out)
    launch.build_runner(launch.load_config(args), steps).test()


if __name__ == "__main__":
    main()
