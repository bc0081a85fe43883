"""Which of our code a result came from, and whether that code has changed since.

A file counts as changed when its code did: comments, docstrings and blank lines do not count, nor
what a config expects, which is filled in from the record. Code that only writes down what was
computed, such as records and reports, does not count at all.
"""

import ast
import functools
import hashlib
import io
import sys
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmengine.config import Config

__all__ = ["changed_sources", "counts", "joined_sources", "loaded_sources"]

_ROOT = Path(__file__).resolve().parents[2]
_COUNTED = ("mmdense", "projects", "configs")
_WRITING = tuple(
    f"mmdense/{name}" for name in ("records/", "report/", "visual/", "doctor/", "version.py")
)
_DIGITS = 12  # of a hash: enough to tell versions of one file apart


def loaded_sources(config: str | Path | None) -> dict[str, str]:
    """Hashes of our modules that this process has loaded, and of the files of its config.

    Args:
        config: the config file; of its bases those that are ours count.

    Returns:
        ``{path from the repository: 12 hexadecimal digits}``.
    """
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files = {Path(file).resolve() for file in modules if file and file.endswith(".py")}
    if config is not None and Path(config).is_file():
        files |= _config_files(Path(config))
    inside = {
        file.relative_to(_ROOT).as_posix(): file for file in files if file.is_relative_to(_ROOT)
    }
    return {name: _hash(file) for name, file in sorted(inside.items()) if counts(name)}


def joined_sources(
    parts: Iterable[Mapping[str, str | list[str]]],
) -> dict[str, str | list[str]]:
    """The code of a whole from that of its parts.

    Returns:
        As :func:`loaded_sources`; a list of hashes of a file that was not the same in all parts.
    """
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for name, hashes in part.items():
            found.setdefault(name, {}).update(dict.fromkeys(_listed(hashes)))
    return {
        name: next(iter(hashes)) if len(hashes) == 1 else list(hashes)
        for name, hashes in sorted(found.items())
    }


def changed_sources(sources: Mapping[str, str | list[str]], root: Path) -> list[str]:
    """Files that do something else now than when one of their hashes was taken, or are gone.

    Args:
        sources: from :func:`loaded_sources` or :func:`joined_sources`.
        root: of the repository.
    """
    return [
        name
        for name, found in sources.items()
        if not (root / name).is_file() or not _is_any_of(root / name, _listed(found))
    ]


def _is_any_of(file: Path, hashes: list[str]) -> bool:
    """Whether a file is what all hashes were taken of; older ones hold what a config expects."""
    return {*hashes} <= {_hash(file), _hash_of_text(file.read_text(encoding="utf-8"))}


def _listed(hashes: str | list[str]) -> list[str]:
    return [hashes] if isinstance(hashes, str) else hashes


def counts(name: str) -> bool:
    """Whether the file of a path from the repository computes what is recorded."""
    return name.split("/", maxsplit=1)[0] in _COUNTED and not name.startswith(_WRITING)


def _config_files(config: Path) -> set[Path]:
    """A config and the files of ours that it inherits from."""
    files = {config.resolve()}
    for base in Config._get_base_files(str(config)):
        if "::" not in base:
            files |= _config_files((config.parent / base).resolve())
    return files


def _hash(file: Path) -> str:
    """Of what a Python file does: its lines without docstrings, comments and blank lines.

    A config is taken as if it expected nothing. Equal on every version of Python, which a hash of
    the parsed tree is not.
    """
    return _hash_of_text(_expecting_nothing(file.read_text(encoding="utf-8")))


@functools.cache
def _expecting_nothing(text: str) -> str:
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "expected":
            lines[node.lineno - 1 : node.end_lineno] = [""] * _height(node)
            lines[node.lineno - 1] = "expected = []"
    return "\n".join(lines)


@functools.cache
def _hash_of_text(text: str) -> str:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines[first.lineno - 1 : first.end_lineno] = [""] * _height(first)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.sha256(code.encode()).hexdigest()[:_DIGITS]


def _height(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
