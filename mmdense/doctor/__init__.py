"""Looks at an installation and reports what does not fit: ``python -m mmdense.doctor``.

A check is a function that yields a :class:`~mmdense.doctor.report.Problem` for each fault. The
checks read what is installed through ``importlib.metadata`` and the folders of ``sys.path``, and
import nothing of it in this process, so they also run where an import fails.
"""
