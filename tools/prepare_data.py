"""Prepare data sets from downloaded files.

    python tools/prepare_data.py bccd camvid --source FOLDER
    python tools/prepare_data.py coco --source FOLDER
    python tools/prepare_data.py --shard FOLDER_OF_IMAGES --out data/shards

Small sets are converted once, into DATA/<name>. Large ones (COCO, VOC, ADE20K, ImageNet) are
checked, and DATA/<name> becomes a link. An error lists missing files and where to download them.
--shard packs a folder of images, optionally with a folder for each class, into WebDataset shards,
or indexes existing shards.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.data.sets.prepare import DATASET_HOMES, SOURCES_VARIABLE, prepare


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    width = max(map(len, DATASET_HOMES)) + 2
    listing = "\n".join(f"  {name:{width}}{home}" for name, home in DATASET_HOMES.items())
    parser = ToolParser(
        description=__doc__.splitlines()[0],
        epilog=f"data sets and the files to download:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets from the list below")
    parser.add_argument(
        "--source",
        type=Path,
        metavar="PATH",
        help=f"archive, or folder with archives or extracted files (default: ${SOURCES_VARIABLE})",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("data"), help="output folder of data sets (default: data)"
    )
    parser.add_argument(
        "--shard",
        type=Path,
        metavar="FOLDER",
        help="pack the images of this folder; without --out, index its *.tar files",
    )
    parser.add_argument("--out", type=Path, help="output folder of the shards")
    parser.add_argument(
        "--max-bytes", type=int, help="maximum size of a shard (default: 500,000,000)"
    )
    parser.add_argument(
        "--max-samples", type=int, help="maximum images of a shard (default: no limit)"
    )
    args = parser.parse_args()
    if bool(args.names) == bool(args.shard):
        parser.error("pass names of data sets, or --shard FOLDER")
    if args.names and args.out:
        parser.error("--out needs --shard; data sets are written to --root")
    if args.shard and args.source:
        parser.error("--source is for names of data sets; --shard has its own folder")
    if not args.out and (args.max_bytes, args.max_samples) != (None, None):
        parser.error("--max-bytes and --max-samples need --shard FOLDER --out FOLDER")
    return args


def shard(args: argparse.Namespace) -> int:
    """Write or index shards, and print their numbers."""
    from mmdense.data.shards.index import INDEX, index_shards
    from mmdense.data.shards.write import write_shards

    try:
        if args.out is None:
            out = index_shards(args.shard)
        else:
            limits = {"max_bytes": args.max_bytes, "max_samples": args.max_samples}
            given = {name: limit for name, limit in limits.items() if limit is not None}
            out = write_shards(args.shard, args.out, **given)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    index = json.loads((out / INDEX).read_text())
    classes = f", classes: {len(index['classes']):,}" if index["classes"] else ""
    print(f"{out}: {index['images']:,} images, shards: {len(index['shards']):,}{classes}")
    return 0


def main() -> int:
    """Prepare each set and print its folder."""
    args = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if args.shard:
        return shard(args)
    for name in args.names:
        try:
            print(prepare(name, args.source, args.root))
        except KeyError as error:
            print(error.args[0], file=sys.stderr)
            return 2
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
