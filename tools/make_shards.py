"""Write a folder of images as WebDataset shards, or index shards that are there.

python tools/make_shards.py SOURCE OUT [--max-bytes 500000000] [--max-samples N]
python tools/make_shards.py FOLDER_OF_TARS
"""

import argparse
import json
from pathlib import Path


def main() -> None:
    """Write, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of images, or of a folder a class")
    parser.add_argument(
        "out",
        type=Path,
        nargs="?",
        help="folder to make; without it, SOURCE holds *.tar that get an index",
    )
    parser.add_argument(
        "--max-bytes", type=int, default=500_000_000, help="largest shard; default: %(default)s"
    )
    parser.add_argument("--max-samples", type=int, help="most images of a shard; default: any")
    args = parser.parse_args()
    from mmdense.data.shard_index import INDEX, index_shards
    from mmdense.data.shards import write_shards

    try:
        if args.out is None:
            out = index_shards(args.source)
        else:
            out = write_shards(
                args.source, args.out, max_bytes=args.max_bytes, max_samples=args.max_samples
            )
    except (OSError, ValueError, ModuleNotFoundError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(130, "interrupted\n")
    index = json.loads((out / INDEX).read_text())
    classes = f", classes: {len(index['classes']):,}" if index["classes"] else ""
    print(f"{out}: {index['images']:,} images, shards: {len(index['shards']):,}{classes}")


if __name__ == "__main__":
    main()
