"""Check an installation and report problems: ``python -m mmdense.doctor``.

A check is a function that yields a :class:`~mmdense.doctor.report.Problem` for each problem. The
checks use ``importlib.metadata`` and the folders of ``sys.path``. They do not import the packages
in this process, so they also work if an import fails.
"""
