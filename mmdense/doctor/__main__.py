"""Report versions, devices and data sets of an installation, and its problems.

The exit status is 1 if there is a serious problem.
"""

import sys
import warnings
from collections.abc import Callable, Iterator

from mmdense.config.arguments import ToolParser
from mmdense.doctor import imports, installation, packages
from mmdense.doctor.overview import overview
from mmdense.doctor.report import Problem, print_report

CHECKS: tuple[Callable[[], Iterator[Problem]], ...] = (
    packages.check_torchvision,
    packages.check_builds,
    packages.check_tested,
    packages.check_originals,
    packages.check_multimodal,
    packages.check_mmcv_extension,
    packages.check_opencv,
    packages.check_requirements,
    installation.check_projects,
    installation.check_checkout,
    installation.check_import_hook,
    installation.check_files,
    installation.check_command,
    installation.check_threads,
    imports.check_imports,
)


def main() -> int:
    """Run all checks, print the report and return the exit status."""
    ToolParser(__doc__, prog="python -m mmdense.doctor").parse_args()
    warnings.simplefilter("ignore")  # of the packages that the overview imports
    groups, problems = overview(), run_checks()
    print_report(groups, problems)
    return int(any(problem.serious for problem in problems))


def run_checks() -> list[Problem]:
    """Return the problems of all checks, serious ones first."""
    found: list[Problem] = []
    for check in CHECKS:
        try:
            found += check()
        except Exception as error:  # a broken package must not stop the other checks
            found.append(
                Problem(
                    f"the check {check.__name__} failed",
                    f"{type(error).__name__}: {error}",
                    "fix the other problems first, then run the doctor again",
                )
            )
    return sorted(found, key=lambda problem: not problem.serious)


if __name__ == "__main__":
    sys.exit(main())
