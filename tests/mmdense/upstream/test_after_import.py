import importlib
import itertools
import sys

import pytest

from mmdense.upstream.after_import import after_import

NUMBER = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose ``__init__`` takes a name from its submodule; an action stays for good."""
    folder = tmp_path / f"sample_package_{next(NUMBER)}"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .part import value\n")
    (folder / "part.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def set_two(module):
    module.value = 2


def test_the_action_comes_before_the_importer_goes_on(package):
    after_import(f"{package.name}.part", set_two)
    module = importlib.import_module(package.name)
    assert module.value == module.part.value == 2
    assert module.part.__loader__.get_source(f"{package.name}.part") == "value = 1\n"


def test_a_module_that_is_imported_already_is_changed_at_once(package):
    module = importlib.import_module(package.name)
    after_import(f"{package.name}.part", set_two)
    assert (module.value, module.part.value) == (1, 2)


def test_a_failed_import_can_be_repeated(package):
    (package / "part.py").write_text("raise RuntimeError('no')\n")
    after_import(f"{package.name}.part", set_two)
    with pytest.raises(RuntimeError, match="no"):
        importlib.import_module(package.name)
    (package / "part.py").write_text("value = 1  # now longer than before\n")
    assert importlib.import_module(package.name).value == 2


def test_a_module_that_does_not_exist_is_not_found(package):
    after_import(f"{package.name}.absent", set_two)
    with pytest.raises(ModuleNotFoundError, match="absent"):
        importlib.import_module(f"{package.name}.absent")
