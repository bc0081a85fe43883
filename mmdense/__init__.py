"""From unlabelled images to a trained detector or segmentor inside OpenMMLab, nothing compiled.

Importing this package

* supplies ``mmcv.ops`` and torchvision with operators if their compiled ones are missing
  (:mod:`mmdense.ops.mmcv_ops`, :mod:`mmdense.ops.torchvision_ops`),
* installs workarounds for upstream packages (:mod:`mmdense.upstream`),
* makes MMEngine read checkpoints without running code from them, and write files atomically
  (:mod:`mmdense.checkpoints.install`).

Import it before torch: it then sets the wait policy of OpenMP, unless the environment sets one.
Threads that wait for work spin for a short time and then sleep. Threads that only spin block the
cores: with two other programs a training step took 12 times as long (docs/benchmarks.md).
"""

import os
import re
import sys

if "OMP_WAIT_POLICY" not in os.environ:  # OpenMP reads it once, when torch loads
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # GNU OpenMP; overrides the policy there

from mmdense.version import __version__

__all__ = ["__version__"]

# The command only starts a tool. The doctor must see the unchanged environment, and must run even
# if the imports below fail.
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
