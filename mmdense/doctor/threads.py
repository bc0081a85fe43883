"""Settings of the environment that make threads slow."""

import os

from mmdense.doctor.finding import Finding

__all__ = ["check_threads"]


def check_threads() -> Finding | None:
    """Threads that spin while they wait slow down every program on the machine."""
    seen = []
    if os.environ.get("OMP_WAIT_POLICY", "").lower() == "active":
        seen.append("OMP_WAIT_POLICY=active")
    spin = os.environ.get("GOMP_SPINCOUNT", "")
    if spin.lower() in ("infinite", "infinity") or (spin.isdigit() and int(spin) > 20_000):
        seen.append(f"GOMP_SPINCOUNT={spin}")
    if not seen:
        return None
    return Finding(
        "threads spin while they wait",
        f"{' and '.join(seen)} is set: beside another program a training becomes several times "
        "slower",
        "unset OMP_WAIT_POLICY GOMP_SPINCOUNT  # mmdense then chooses a short spin",
        serious=False,
    )
