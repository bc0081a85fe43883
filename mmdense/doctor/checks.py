"""All checks in their order, and what happens when one of them fails itself."""

import importlib
from collections.abc import Iterator

from mmdense.doctor.finding import Finding

__all__ = ["run_checks"]

_CHECKS = (
    ("torch_pair", "check_match"),
    ("torch_pair", "check_build"),
    ("torch_pair", "check_tested"),
    ("openmmlab", "check_originals"),
    ("multimodal", "check_multimodal"),
    ("mmcv_extension", "check_extension"),
    ("opencv", "check_opencv"),
    ("projects_folder", "check_projects"),
    ("checkout", "check_checkout"),
    ("checkout", "check_editable"),
    ("threads", "check_threads"),
    ("requirements", "check_requirements"),
)


def run_checks() -> list[Finding]:
    """The findings, the serious ones first; none where all fits."""
    findings = [*_environment(), *_imports()]
    return sorted(findings, key=lambda finding: not finding.serious)


def _environment() -> Iterator[Finding]:
    for module, function in _CHECKS:
        try:
            check = getattr(importlib.import_module(f"mmdense.doctor.{module}"), function)
            finding = check()
        except Exception as error:  # a broken package must not stop the other checks
            finding = _failed(f"{module}.{function}", error)
        if finding is not None:
            yield finding


def _imports() -> Iterator[Finding]:
    from mmdense.doctor.imports import check_imports, check_numpy_abi, failed_imports

    try:
        failed = failed_imports()
    except Exception as error:
        yield _failed("imports.failed_imports", error)
        return
    for check in (check_numpy_abi, check_imports):
        finding = check(failed)
        if finding is not None:
            yield finding


def _failed(check: str, error: Exception) -> Finding:
    return Finding(
        f"the check {check} could not be made",
        f"{type(error).__name__}: {error}",
        "fix the other findings first, then run the doctor again",
    )
