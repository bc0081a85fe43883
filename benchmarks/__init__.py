"""Benchmarks as ratios: both sides run in turns in one process group, and the best times count.

``python -m benchmarks`` runs all, ``python -m benchmarks.nms`` one.
"""

import mmdense  # noqa: F401 (before torch: it sets how OpenMP's threads wait)
