"""Benchmarks as ratios: both sides run alternately, and the minimum times are compared.

``python -m benchmarks`` runs all, ``python -m benchmarks nms`` runs one.
"""

import mmdense  # noqa: F401 (before torch: it sets the wait policy of OpenMP)
