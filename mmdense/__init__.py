"""Self-supervised pretraining to dense prediction inside OpenMMLab, with nothing compiled.

Importing this package is what makes ``mmcv.ops``, MMDetection and torchvision usable without
compiled extensions (:mod:`mmdense.ops.host_ops`), and teaches MMEngine the names of the
maintained OpenMMLab distributions (:mod:`mmdense.engine.host_packages`). Both do nothing where
nothing is missing. It also makes MMEngine read checkpoints without running code from them,
and write files whole or not at all (:mod:`mmdense.checkpoints.install`).

Where torch is not imported yet, GNU OpenMP's idle threads are told to wait for their next task for
some 0.2 s before they sleep, as those of Intel OpenMP do. A virtual machine takes a core away from
a thread that sleeps at each short pause, and gives it back late.
"""

import os
import sys

if "OMP_WAIT_POLICY" not in os.environ:  # read once, when torch loads OpenMP
    os.environ.setdefault("GOMP_SPINCOUNT", "5000000")

from mmdense.version import __version__

__all__ = ["__version__"]

# The doctor sees the environment as it is, and runs where the imports below fail.
if sys.orig_argv[1:3] != ["-m", "mmdense.doctor"]:
    from mmdense.checkpoints import install as checkpoint_files
    from mmdense.engine import host_packages
    from mmdense.ops import host_ops
    from mmdense.transfer import strict_pretrained  # noqa: F401 (an initialiser for every config)

    host_ops.install()
    host_packages.install()
    checkpoint_files.install()
