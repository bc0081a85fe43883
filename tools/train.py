"""Train the model of a config.

python tools/train.py CONFIG [--amp] [--resume] [--init CHECKPOINT]
tools/dist_train.sh CONFIG 8
"""

from mmdense.config.arguments import ToolParser


def main() -> None:
    """Build the runner and train."""
    parser = ToolParser(__doc__)
    parser.add_run()
    option = parser.add_argument
    words = "resume from a checkpoint; without a value, from the last complete one of the run"
    option("--resume", nargs="?", const="auto", metavar="CHECKPOINT", help=words)
    words = "start a new run in a work directory with checkpoints of another run"
    option("--overwrite", action="store_true", help=words)
    words = "load the backbone from a checkpoint; all keys must match"
    option("--init", metavar="CHECKPOINT", help=words)
    parser.add_allow()
    words = "mixed precision, with bfloat16 if the hardware supports it"
    option("--amp", action="store_true", help=words)
    words = "scale the learning rate by the batch size over auto_scale_lr.base_batch_size"
    option("--auto-scale-lr", action="store_true", help=words)
    args = parser.parse_args()
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
