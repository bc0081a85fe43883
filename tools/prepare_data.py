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
from mmdense.config.usage_error import one_line_errors
from mmdense.data.sets.prepare import DATASET_HOMES, SOURCES_VARIABLE, prepare


@one_line_errors
def main() -> None:
    """Prepare each set and print its folder, or write shards and print their numbers."""
    width = max(map(len, DATASET_HOMES)) + 2
    listing = "\n".join(f"  {name:{width}}{home}" for name, home in DATASET_HOMES.items())
    parser = ToolParser(
        __doc__,
        epilog=f"data sets and the files to download:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("names", nargs="*", metavar="NAME", help="data sets from the list below")
    words = f"archive, or folder with archives or extracted files (default: ${SOURCES_VARIABLE})"
    option("--source", type=Path, metavar="PATH", help=words)
    words = "output folder of data sets (default: data)"
    option("--root", type=Path, default=Path("data"), help=words)
    words = "pack the images of this folder; without --out, index its *.tar files"
    option("--shard", type=Path, metavar="FOLDER", help=words)
    option("--out", type=Path, help="output folder of the shards")
    option("--max-bytes", type=int, help="maximum size of a shard (default: 500,000,000)")
    option("--max-samples", type=int, help="maximum images of a shard (default: no limit)")
    args = parser.parse_args()
    if bool(args.names) == bool(args.shard):
        parser.error("pass names of data sets, or --shard FOLDER")
    if args.names and args.out:
        parser.error("--out needs --shard; data sets are written to --root")
    if args.shard and args.source:
        parser.error("--source is for names of data sets; --shard has its own folder")
    if not args.out and (args.max_bytes, args.max_samples) != (None, None):
        parser.error("--max-bytes and --max-samples need --shard FOLDER --out FOLDER")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if args.shard:
        shard(args)
    for name in args.names:
        try:
            print(prepare(name, args.source, args.root))
        except KeyError as error:
            parser.error(error.args[0])


def shard(args: argparse.Namespace) -> None:
    """Write or index shards, and print their numbers."""
    from mmdense.data.shards.index import INDEX, index_shards
    from mmdense.data.shards.write import write_shards

    if args.out is None:
        out = index_shards(args.shard)
    else:
        limits = {"max_bytes": args.max_bytes, "max_samples": args.max_samples}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        out = write_shards(args.shard, args.out, **given)
    index = json.loads((out / INDEX).read_text())
    classes = f", classes: {len(index['classes']):,}" if index["classes"] else ""
    print(f"{out}: {index['images']:,} images, shards: {len(index['shards']):,}{classes}")


if __name__ == "__main__":
    sys.exit(main())
