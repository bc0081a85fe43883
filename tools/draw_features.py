"""Draw what a trained model sees: features, attention, nearest images, proposals.

python tools/draw_features.py WORK_DIR [--config FILE --checkpoint FILE] [-o DIR]

Writes the images that the model supports, and captions.json, to WORK_DIR/pictures.
"""

import argparse
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description=__doc__.splitlines()[0])
    option = parser.add_argument
    option(
        "run", type=Path, metavar="WORK_DIR", help="work directory with config and last_checkpoint"
    )
    option("--config", type=config_file, metavar="FILE", help="default: the *.py in WORK_DIR")
    option("--checkpoint", metavar="FILE", help="default: that in WORK_DIR/last_checkpoint")
    option("-o", "--out", type=Path, metavar="DIR", help="default: WORK_DIR/pictures")
    option("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    launch.add_trust_argument(parser)
    parser.set_defaults(launcher="none", local_rank=0, work_dir=None, seed=None)
    return parser.parse_args()


def main() -> int:
    """Write the images and print their paths."""
    args = parse_arguments()
    from mmdense.engine import launch
    from mmdense.visual.draw_run import draw_run, find_checkpoint, find_config
    from mmdense.visual.drawn import FOLDER

    folder = args.out or args.run / FOLDER
    try:
        args.config = args.config or find_config(args.run)
        checkpoint = args.checkpoint or find_checkpoint(args.run)
        cfg = launch.load_config(args)
        launch.fit_to_machine(cfg)
        done = draw_run(cfg, checkpoint, folder)
    except (OSError, ValueError) as error:
        print(f"draw_features.py: {error}", file=sys.stderr)
        return 1
    for name, words in done.captions.items():
        print(f"{folder / name}: {words['title']}")
    for name, reason in done.left_out.items():
        print(f"no {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
