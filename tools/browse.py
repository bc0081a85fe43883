"""Draw the inputs of a model, after its data pipeline, as a PNG.

python tools/browse.py CONFIG [--split val] [--count 24] [-o DIR]
"""

from pathlib import Path

from mmdense.config.arguments import ToolParser, positive


def main() -> None:
    """Draw the images and print the paths of the files."""
    parser = ToolParser(__doc__)
    parser.add_config("of MMPretrain, MMDetection or MMSegmentation")
    parser.add_argument(
        "--split", choices=["train", "val", "test"], default="train", help="default: %(default)s"
    )
    parser.add_argument(
        "--count", type=positive, default=12, help="number of images (default: %(default)s)"
    )
    parser.add_argument(
        *("-o", "--output-dir"),
        dest="out",
        metavar="DIR",
        type=Path,
        help="output folder (default: work_dirs/<config name>/browse)",
    )
    args = parser.parse_args()
    from mmdense.engine import launch
    from mmdense.visual.contact_sheet import write_sheets
    from mmdense.visual.model_inputs import read_inputs

    cfg = launch.load_config(args)
    images, classes, total = read_inputs(cfg, args.split, args.count)
    name = Path(args.config).stem
    folder = args.out or Path(cfg.work_dir) / "browse"
    title = f"{name}, {args.split}: {len(images):,} of {total:,} images, as inputs of the model"
    for path in write_sheets(images, classes, title, folder / f"{name}_{args.split}.png"):
        print(path)


if __name__ == "__main__":
    main()
