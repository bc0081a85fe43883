"""Tables of projects, their rows in the summary of the README, and their words for verdicts.

A project declares them in ``projects/<slug>/tables.py`` under these names, all of them optional:

    TABLES          {name in the README files: function from Results to Table}
    HEADLINES       its rows of the summary, a list of Headline
    VERDICT_WORDS   {verdict of a run: word in a table}
    study_tables    function from the Record of a study to more tables of its report

The file is imported without its package, and imports nothing from its project.
"""

import functools
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from mmdense.records.kept_results import Results
from mmdense.records.record import Record
from mmdense.report.table import Table

MakeTable = Callable[[Results], Table]


class Headline(NamedTuple):
    """A row of the summary: labels of method and data set, and where its two scores are.

    ``slug`` and ``study`` name the kept study, ``metric`` one of its config; ``variant`` has the
    method, ``baseline`` does not.
    """

    method: str
    slug: str
    study: str
    data: str
    metric: str
    variant: str
    baseline: str


class ProjectTables(NamedTuple):
    """Declarations of all projects, see the module docstring."""

    tables: Mapping[str, MakeTable]
    headlines: Sequence[Headline]
    verdict_words: Mapping[str, str]
    study_tables: Sequence[Callable[[Record], list[Table]]]


def project_tables() -> ProjectTables:
    """Collect the tables of every project that can be imported.

    If two folders on the path have the same project, the first one counts, as for imports.

    Raises:
        ValueError: Two projects declare a table of one name.
    """
    spec = importlib.util.find_spec("projects")
    files: dict[str, Path] = {}
    for place in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(place).glob("*/tables.py")):
            files.setdefault(file.parent.name, file)
    tables: dict[str, MakeTable] = {}
    headlines: list[Headline] = []
    words: dict[str, str] = {}
    more: list[Callable[[Record], list[Table]]] = []
    for _, file in sorted(files.items()):
        module = _module(file)
        own = getattr(module, "TABLES", {})
        if twice := sorted(set(own) & set(tables)):
            raise ValueError(f"{file}: TABLES: {', '.join(twice)} is a table of another project")
        tables |= own
        headlines += getattr(module, "HEADLINES", [])
        words |= getattr(module, "VERDICT_WORDS", {})
        more += [module.study_tables] if hasattr(module, "study_tables") else []
    return ProjectTables(tables, headlines, words, more)


@functools.cache
def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_tables_of_{file.parent.name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
