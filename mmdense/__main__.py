"""``python -m mmdense`` is the command ``mmdense``."""

import sys

from mmdense.command import main

sys.exit(main())
