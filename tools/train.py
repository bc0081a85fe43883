"""Train the model of a config.

python tools/train.py CONFIG [--amp] [--resume] [--init CHECKPOINT]
tools/dist_train.sh CONFIG 8
"""

import argparse

from mmdense.config.arguments import ToolParser


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description="Train the model of a config.")
    launch.add_common_arguments(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="resume from a checkpoint; without a value, from the last complete one of the run",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="start a new run in a work directory with checkpoints of another run",
    )
    parser.add_argument(
        "--init",
        metavar="CHECKPOINT",
        help="load the backbone from a checkpoint; all keys must match",
    )
    parser.add_argument(
        "--allow",
        nargs="+",
        default=[],
        metavar="NAME",
        help="weights and mismatches to accept, such as 'norm0.*' or heads",
    )
    parser.add_argument(
        "--amp",
        action="store_true",
        help="mixed precision, with bfloat16 if the hardware supports it",
    )
    parser.add_argument(
        "--auto-scale-lr",
        action="store_true",
        help="scale the learning rate by the batch size over auto_scale_lr.base_batch_size",
    )
    return parser.parse_args()


def main() -> None:
    """Build the runner and train."""
    args = parse_arguments()
    from mmdense.engine import launch

    steps = launch.training_steps(
        amp=args.amp,
        auto_scale_lr=args.auto_scale_lr,
        resume=args.resume,
        overwrite=args.overwrite,
        init=args.init,
        allow=args.allow,
    )
    launch.build_runner(launch.load_config(args), steps).train()


if __name__ == "__main__":
    main()
