"""Repeat the first steps of a record, and check that the losses agree.

    python tools/verify.py work_dirs/RUN
    python tools/verify.py results/cascade_rpn/2026-11-22_proposals_collage --seeds 1

The result is verified.json next to the record. The exit status is 1 if the losses differ.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> int:
    """Verify a record, and store the result if the code is committed."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    option("record", help="record.json, its folder, or SLUG/DATE_NAME below results/")
    words = "number of seeds of each variant of a study"
    option("--seeds", type=int, default=1, metavar="N", help=words)
    words = "iterations of each training, at most 20"
    option("--steps", type=int, default=20, metavar="N", help=words)
    words = "folder with the archives of the data"
    option("--source", type=Path, metavar="FOLDER", help=words)
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.environment import git_state
    from mmdense.records.kept_results import find_file, write_verified
    from mmdense.records.record import load
    from mmdense.workflow.verify import verify

    file = find_file(args.record)
    found = verify(load(file), seeds=args.seeds, steps=args.steps, source=args.source)
    result = "agrees" if found.agrees else "DIFFERS"
    print(f"{result}: largest deviation {found.largest_deviation:.2g}")
    git = git_state()
    if git["commit"] is None or git["dirty"]:
        print("not stored: commit the code first; the result has its commit", file=sys.stderr)
    else:
        print(f"wrote {write_verified(found, file)}")
    return int(not found.agrees)


if __name__ == "__main__":
    sys.exit(main())
