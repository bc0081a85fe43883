"""Looks at an installation and says what does not fit: ``python -m mmdense.doctor``.

One file a check: a function that returns a :class:`~mmdense.doctor.finding.Finding`, or None. The
checks read what is installed through ``importlib.metadata`` and the folders of ``sys.path``, and
import nothing of it in this process, so they also run where an import fails.
"""
