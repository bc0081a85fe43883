"""Puts configs and tools into the wheel, where OpenMMLab's packages have them: ``mmdense/.mim``.

All else is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Tools that maintain a checkout.
LEFT_OUT = ("tables.py", "measure_memory.py", "measure_setup.py", "__pycache__", "*.pyc")


class BuildWithMim(build_py):
    """Builds the package; an editable install has its files in the checkout."""

    def run(self) -> None:
        """Copy the folders as they are, and what ``model-index.yml`` refers to."""
        super().run()
        if self.editable_mode:
            return
        place = Path(self.build_lib) / "mmdense" / ".mim"
        shutil.rmtree(place, ignore_errors=True)  # of an earlier build
        for folder in ("configs", "tools"):
            shutil.copytree(folder, place / folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for file in (Path("model-index.yml"), *Path("projects").glob("*/metafile.yml")):
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / file)


setup(cmdclass={"build_py": BuildWithMim})
