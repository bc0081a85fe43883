"""Self-supervised pretraining to dense prediction inside OpenMMLab, with nothing compiled.

Importing this package is what makes ``mmcv.ops``, MMDetection and torchvision usable without
compiled extensions (:mod:`mmdense.ops.host_ops`), and teaches MMEngine the names of the
maintained OpenMMLab distributions (:mod:`mmdense.engine.host_packages`). Both do nothing where
nothing is missing.

Where torch is not imported yet, its idle threads are told to sleep instead of spinning
(``OMP_WAIT_POLICY``): they share the cores with the workers that load data.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch loads OpenMP

from mmdense.engine import host_packages
from mmdense.ops import host_ops
from mmdense.version import __version__

__all__ = ["__version__"]

host_ops.install()
host_packages.install()
