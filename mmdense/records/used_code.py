"""Which of the code that a run has loaded its result can depend on.

A training loads every module that registers something, and uses a few of them. Those count that its
tool imports, that register a type which the config names, and that one of these imports or names in
turn. What only records and reports does not count, nor what it imports.

This follows the code as it is now. Where it has led elsewhere at the time of the run, a file that
counts has changed since, and the record is stale by that.
"""

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmdense.records.record import Record
from mmdense.records.sources import changed_sources, counts

__all__ = ["changed_code", "used_modules"]

_PACKAGES = ("mmdense", "projects")


def changed_code(record: Record, root: Path) -> list[str]:
    """Files behind a record that do something else now, are gone, or have taken a type over.

    Args:
        record: of a run, of a pipeline or of a study.
        root: of the repository.

    Returns:
        Paths from the root; none for a record without sources.
    """
    if not record.sources:
        return []
    used = used_modules(record, root)
    if used is None:
        return changed_sources(record.sources, root)
    behind = {
        name: hashes
        for name, hashes in record.sources.items()
        if name in used or not name.startswith(_PACKAGES) or not (root / name).is_file()
    }
    return sorted([*changed_sources(behind, root), *_taken_over(record, root)])


def used_modules(record: Record, root: Path) -> set[str] | None:
    """Modules that the result of a record can depend on.

    Returns:
        Paths from the root; ``None`` where a tool of the record is unknown, so that any module may
        be behind it.
    """
    commands = [record.command, *(stage.get("command") or [] for stage in record.stages)]
    tools = {root / command[0] for command in commands if command}
    if not tools or not all(tool.is_file() for tool in tools):
        return None
    registered = _registered(root)
    files = {file for name in _types(record, root) for file in registered.get(name, ())}
    queue = [root / "mmdense" / "__init__.py", *tools, *files]
    found: set[Path] = set()
    while queue:
        file = queue.pop()
        if file not in found:
            found.add(file)
            queue += _leads_to(file, root, registered)
    return {file.relative_to(root).as_posix() for file in found}


def _taken_over(record: Record, root: Path) -> list[str]:
    """Files that register a type of a record's config, where none did that the record lists."""
    registered, found = _registered(root), set()
    for name in _types(record, root):
        files = {file.relative_to(root).as_posix() for file in registered.get(name, ())}
        if not files & {*record.sources}:
            found |= {file for file in files if counts(file)}
    return sorted(found)


def _types(record: Record, root: Path) -> set[str]:
    """Names of the types in the config of a record, and in the files that it was made of."""
    names = set(_types_in(record.config))
    for name in record.sources:
        if name.startswith("configs/") and (root / name).is_file():
            names |= _read(root / name).types
    return names


def _leads_to(file: Path, root: Path, registered: Mapping[str, set[Path]]) -> set[Path]:
    """Files that one file imports, or whose types it names."""
    code = _read(file)
    found = {found for module in code.imports for found in _files(root, module)}
    if file.name == "__init__.py":  # imports what registers types, so that a config can name them
        found = {one for one in found if not _read(one).registers}
    found |= {one for name in code.types for one in registered.get(name, ())}
    return {one for one in found if counts(one.relative_to(root).as_posix())}


def _files(root: Path, module: str) -> Iterator[Path]:
    """The file of a module, or of the module that holds a name, and of the packages around it."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                yield file


def _registered(root: Path) -> dict[str, set[Path]]:
    """``{name: files}`` of everything that is registered."""
    found: dict[str, set[Path]] = {}
    for package in _PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            for name in _read(file).registers:
                found.setdefault(name, set()).add(file)
    return found


class _Code(ast.NodeVisitor):
    """What a file imports of ours, which types it names, and which it registers."""

    def __init__(self, tree: ast.Module) -> None:
        self.imports: set[str] = set()
        self.types: set[str] = set()
        self.registers: set[str] = set()
        self.visit(tree)

    def visit_Import(self, node: ast.Import) -> None:
        self._import(*(alias.name for alias in node.names))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._import(*(f"{node.module}.{alias.name}" for alias in node.names))

    def visit_Call(self, node: ast.Call) -> None:
        words = {word.arg: word.value for word in node.keywords}
        self._type(words.get("type"))
        if _is_register(node) and "module" in words:
            self._registers(words)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and _is_type(key.value):
                self._type(value)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._definition(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._definition(node)

    def _definition(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and _is_register(call):
                words = {word.arg: word.value for word in call.keywords}
                self._registers({"name": ast.Constant(node.name), **words})
        self.generic_visit(node)

    def _import(self, *modules: str) -> None:
        self.imports.update(name for name in modules if name.split(".")[0] in _PACKAGES)

    def _type(self, value: ast.expr | None) -> None:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            self.types.add(_bare(value.value))

    def _registers(self, words: Mapping[str | None, ast.expr]) -> None:
        name = words.get("name")
        if isinstance(name, ast.Constant):
            self.registers.add(str(name.value))


def _is_register(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "register_module"


def _read(file: Path) -> _Code:
    return _read_text(file.read_text(encoding="utf-8"))


@functools.cache
def _read_text(text: str) -> _Code:
    return _Code(ast.parse(text))


def _types_in(config: Any) -> Iterator[str]:
    """Names of all types in a config, without their scopes."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            if _is_type(key) and isinstance(value, str):
                yield _bare(value)
            yield from _types_in(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _types_in(value)


def _is_type(key: object) -> bool:
    """Whether a key names a type, as options in one word do, too: ``model.backbone.type``."""
    return isinstance(key, str) and key.rsplit(".", maxsplit=1)[-1] == "type"


def _bare(name: str) -> str:
    return name.rsplit(".", maxsplit=1)[-1]
