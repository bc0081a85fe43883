"""Keep the record of a run in results/, for the tables.

python tools/record.py work_dirs/RUN --keep NAME [--slug SLUG] [--allow-dirty]
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Keep the record and print its metrics."""
    parser = ToolParser(__doc__)
    parser.add_argument("work_dir", help="work directory with record.json")
    words = "keep it as results/<slug>/<date>_<NAME>"
    parser.add_argument("--keep", required=True, metavar="NAME", help=words)
    parser.add_argument("--slug", help="default: the folder name of the config")
    words = "keep it although the code has uncommitted changes"
    parser.add_argument("--allow-dirty", action="store_true", help=words)
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.kept_results import find_file
    from mmdense.records.record import keep, load

    record = load(find_file(args.work_dir))
    record.slug = args.slug or record.slug
    path = keep(record, args.keep, allow_dirty=args.allow_dirty)
    print(", ".join(f"{name} {value:.6g}" for name, value in record.metrics.items()))
    print(f"wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
