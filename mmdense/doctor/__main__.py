"""Report what an installation has, what does not fit in it, and what to do.

The exit status is 1 where something has to be done.
"""

import argparse
import sys
import warnings

from mmdense.doctor.checks import run_checks
from mmdense.doctor.overview import overview
from mmdense.doctor.report import print_report


def main() -> int:
    """Look, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mmdense.doctor",
        description="What this installation has, what does not fit in it, and what to do.",
    )
    parser.parse_args()
    warnings.simplefilter("ignore")  # of the packages that the overview imports
    groups, findings = overview(), run_checks()
    print_report(groups, findings)
    return int(any(finding.serious for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
