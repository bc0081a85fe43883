"""Repeat the first steps of a record, and check that the losses agree.

    python tools/verify.py work_dirs/RUN
    python tools/verify.py results/cascade_rpn/2026-11-22_proposals_collage --seeds 1

The result is verified.json next to the record.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser


def main() -> int:
    """Verify a record; return 1 if its losses differ or cannot be repeated."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument("record", help="record.json, its folder, or SLUG/DATE_WHAT below results/")
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="number of seeds of each variant of a study",
    )
    parser.add_argument(
        "--steps", type=int, default=20, metavar="N", help="iterations of each training, at most 20"
    )
    parser.add_argument(
        "--source", type=Path, metavar="FOLDER", help="folder with the archives of the data"
    )
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.environment import git_state
    from mmdense.records.kept_results import find_file, write_verified
    from mmdense.records.record import RecordError, load
    from mmdense.workflow.stage import StageError
    from mmdense.workflow.verify import verify

    try:
        file = find_file(args.record)
        found = verify(load(file), seeds=args.seeds, steps=args.steps, source=args.source)
    except (RecordError, StageError, ValueError, OSError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 1
    result = "agrees" if found.agrees else "DIFFERS"
    print(f"{result}: largest deviation {found.largest_deviation:.2g}")
    git = git_state()
    if git["commit"] is None or git["dirty"]:
        print(
            "not stored: commit the code first; the result has its commit",
            file=sys.stderr,
        )
    else:
        print(f"wrote {write_verified(found, file)}")
    return 0 if found.agrees else 1


if __name__ == "__main__":
    sys.exit(main())
