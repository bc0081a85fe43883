"""From unlabelled images to a trained detector or segmentor inside OpenMMLab, nothing compiled.

Importing this package

* supplies ``mmcv.ops`` and torchvision with operators where their compiled ones are missing
  (:mod:`mmdense.ops.mmcv_ops`, :mod:`mmdense.ops.torchvision_ops`),
* works around faults of upstream packages (:mod:`mmdense.upstream`),
* makes MMEngine read checkpoints without running code from them, and write files atomically
  (:mod:`mmdense.checkpoints.install`).

Each does nothing where nothing is missing.

Import it before torch. Threads of OpenMP that wait for work then spin for a moment and sleep,
unless the environment sets a policy. Threads that go on spinning take the cores from other
programs: beside two of them a training step took 12 times as long. docs/benchmarks.md has the
measurement.
"""

import os
import re
import sys

if "OMP_WAIT_POLICY" not in os.environ:  # read once, when torch loads OpenMP
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # GNU OpenMP; overrides the policy there

from mmdense.version import __version__

__all__ = ["__version__"]

# The command only starts a tool. The doctor sees the environment as it is, and runs where the
# imports below fail.
_STARTED = " ".join(sys.orig_argv[1:3])
if not re.match(r"-m mmdense(\.doctor)?$|(\S*/)?mmdense( |$)", _STARTED):
    from mmdense import package_files
    from mmdense.checkpoints import install as checkpoint_files
    from mmdense.ops import mmcv_ops
    from mmdense.transfer import strict_pretrained  # noqa: F401 (an initialiser for every config)
    from mmdense.upstream import distributions, multimodal

    mmcv_ops.install()
    package_files.install()
    distributions.install()
    multimodal.install()
    checkpoint_files.install()
