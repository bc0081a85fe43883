"""Prepare data sets from their publishers' files; nothing is downloaded.

    python tools/prepare_data.py bccd camvid --source FOLDER
    python tools/prepare_data.py coco --source FOLDER

Small sets are converted into DATA/<name>, once and completely. Large ones (COCO, VOC, ADE20K,
ImageNet) are checked where they are and DATA/<name> becomes a link. What is missing is said, and
where it is published.
"""

import argparse
import logging
import sys
from pathlib import Path

from mmdense.data.prepare import DATASET_HOMES, SOURCES_VARIABLE, prepare


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    width = max(map(len, DATASET_HOMES)) + 2
    listing = "\n".join(f"  {name:{width}}{home}" for name, home in DATASET_HOMES.items())
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=f"data sets, and the files to bring:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="a data set of the list below")
    parser.add_argument(
        "--source",
        type=Path,
        metavar="PATH",
        help=f"archive, or folder with the archives or the unpacked files; or ${SOURCES_VARIABLE}",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("data"), help="folder of all data sets; default: data"
    )
    return parser.parse_args()


def main() -> int:
    """Prepare each set and print its folder."""
    args = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
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
