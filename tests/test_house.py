"""The laws of the house (ARCHITECTURE.md), each held by a test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)

ROOT = Path(__file__).resolve().parents[1]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    if name and (ROOT / name).is_file()
]
PYTHON = [path for path in TRACKED if path.suffix == ".py"]
LIBRARY = [path for path in PYTHON if path.is_relative_to(ROOT / "mmdense")]
PROJECTS = [path for path in PYTHON if path.is_relative_to(ROOT / "projects")]
CONFIGS = [
    path for path in PYTHON if path.is_relative_to(ROOT / "configs") and "_base_" not in path.parts
]
CARD = ("Paper:", "Command:", "Machine:", "Expected:", "Vary:")
# Files that speak with the host, or draw, without registering a class.
COLLAPSE_MATHEMATICS = {
    "alignment_uniformity",
    "decompose",
    "decorrelation",
    "extra_gradient",
    "readings",
    "spectrum",
    "taps",
    "verdict",
}
SHELLS = {"draw_stages.py", "host_ops.py", "proposal_model.py", "stage.py", "stage_loss.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def packages_of(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


def test_there_is_something_to_check():
    assert len(LIBRARY) > 10
    assert len(CONFIGS) > 5


@pytest.mark.parametrize("path", LIBRARY + PROJECTS, ids=name_of)
def test_law_1_arrows_point_one_way(path):
    if path in LIBRARY:
        assert "projects" not in packages_of(path)
    else:
        own = path.relative_to(ROOT / "projects").parts[0]
        others = {name for name in imports_of(path) if re.match(r"projects\.\w+", name)}
        assert all(name.startswith(f"projects.{own}") for name in others)
    assert not packages_of(path) & {"tests", "benchmarks", "tools", "configs"}


OPERATORS = [
    path
    for path in LIBRARY
    if path.parent.name == "ops" and path.name not in SHELLS and path.name != "__init__.py"
]
PURE = [
    *OPERATORS,
    *(
        path
        for path in LIBRARY
        if path.name in ("knn.py", "linear_probe.py", "patch_pca.py", "attention.py")
    ),
    *(
        path
        for path in LIBRARY
        if path.parent.name == "collapse" and path.stem in COLLAPSE_MATHEMATICS
    ),
    *(
        path
        for path in LIBRARY
        if path.parent.name == "transfer" and path.stem in {"resize", "split_resnet"}
    ),
    # In a project every other file that registers nothing is pure.
    *(
        path
        for path in PROJECTS
        if "register_module" not in path.read_text() and path.name not in SHELLS | {"__init__.py"}
    ),
]


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_law_2_pure_files_import_torch_only(path):
    known = {"torch", "triton", "mmdense", "projects", *sys.stdlib_module_names}
    foreign = packages_of(path) - known
    assert not foreign
    inner = {name for name in imports_of(path) if name.startswith("mmdense.")}
    assert all(name.startswith(("mmdense.ops", "mmdense.collapse")) for name in inner)


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_law_3_names_and_lengths(path):
    parts = {path.stem, *path.relative_to(ROOT).parts[:-1]}
    assert not parts & {"utils", "util", "misc", "helpers", "helper", "common"}
    text = path.read_text()
    if len(text.splitlines()) > 300:
        assert "# Long file:" in text, "over 300 lines: say why in a comment '# Long file: ...'"
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            length = node.end_lineno - node.lineno + 1 - (docstring or "").count("\n")
            body = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            assert length <= 40 or "# Long function:" in body, (
                f"{node.name} has {length} lines: say why in a comment '# Long function: ...'"
            )


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_law_4_configs_have_a_recipe_card_and_an_expectation(path):
    tree = ast.parse(path.read_text())
    card = ast.get_docstring(tree)
    assert card, "a config starts with a recipe card"
    places = [card.find(f"\n{key}") for key in CARD]
    assert all(place > 0 for place in places), f"the card needs the lines {CARD}"
    assert places == sorted(places), f"the card's lines stand in the order {CARD}"
    command = re.search(r"Command: (.*)", card)[1]
    assert name_of(path) in command, "the card's command names the config"
    last = tree.body[-1]
    assert isinstance(last, ast.Assign)
    assert last.targets[0].id == "expected", "a config ends with expected = [...]"
    for entry in last.value.elts:
        source = "paper" if "paper" in ast.unparse(entry) else "record"
        assert {word.arg for word in entry.keywords} == {source, "metric", "value", "tolerance"}


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_law_4_configs_import_the_package(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    if not {"stages", "variants"} & set(cfg):  # pipelines and studies only name other configs
        assert "mmdense" in cfg.custom_imports["imports"]


def test_law_6_nothing_is_compiled():
    compiled = {".c", ".cc", ".cpp", ".cu", ".cuh", ".pyx", ".so", ".rs"}
    assert not [name_of(path) for path in TRACKED if path.suffix in compiled]
    for path in LIBRARY + PROJECTS:
        assert "cpp_extension" not in path.read_text(), name_of(path)


@pytest.mark.parametrize(
    "path",
    [p for p in PYTHON if p.is_relative_to(ROOT / "tests" / "mmdense")],
    ids=name_of,
)
def test_a_test_has_the_stem_of_the_file_that_it_tests(path):
    if path.name.startswith("test_"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert (ROOT / folder / path.name.removeprefix("test_")).is_file()


def test_every_method_has_one_slug():
    for folder in ("configs", "tests", "results"):
        for project in {path.relative_to(ROOT / "projects").parts[0] for path in PROJECTS}:
            assert (ROOT / folder / project).is_dir(), f"{folder}/{project} is missing"
    assert not (ROOT / "projects" / "__init__.py").exists()
