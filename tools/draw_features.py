"""Draw features, attention, nearest images and proposals of a trained model.

python tools/draw_features.py WORK_DIR [--config FILE --checkpoint FILE] [-o DIR]

Writes the images that the model supports, and captions.json, to WORK_DIR/pictures.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Write the images and print their paths."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    words = "work directory with config and last_checkpoint"
    option("run", type=Path, metavar="WORK_DIR", help=words)
    option("--config", type=config_file, metavar="FILE", help="default: the *.py in WORK_DIR")
    option("--checkpoint", metavar="FILE", help="default: that in WORK_DIR/last_checkpoint")
    option("-o", "--out", type=Path, metavar="DIR", help="default: WORK_DIR/pictures")
    parser.add_overrides()
    parser.add_trust()
    args = parser.parse_args()
    from mmdense.engine import launch
    from mmdense.visual.draw_run import draw_run, find_checkpoint, find_config
    from mmdense.visual.drawn import FOLDER

    folder = args.out or args.run / FOLDER
    args.config = args.config or find_config(args.run)
    checkpoint = args.checkpoint or find_checkpoint(args.run)
    done = draw_run(launch.fit_to_machine(launch.load_config(args)), checkpoint, folder)
    for name, words in done.captions.items():
        print(f"{folder / name}: {words['title']}")
    for name, reason in done.left_out.items():
        print(f"no {name}: {reason}")


if __name__ == "__main__":
    sys.exit(main())
