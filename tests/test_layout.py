"""The rules of ARCHITECTURE.md that can be checked by reading files."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which this import makes possible)

ROOT = Path(__file__).resolve().parents[1]

# The folders of mmdense from the lowest to the highest: a file imports from its own folder and from
# lower ones. "." holds registry.py, version.py and machine.py; __init__.py may import anything.
# A subfolder that is not listed belongs to its parent.
FOLDERS = [
    *("upstream", ".", "ops", "checkpoints"),
    *("config", "data", "data/sets", "data/checks", "data/collage", "data/views", "data/shards"),
    *("ssl", "necks", "records", "transfer", "engine", "evaluation"),
    *("collapse", "visual", "report", "workflow", "doctor"),
]
# Mathematics: these files import torch, the standard library, and other mathematics.
PURE = [
    "mmdense/ops/[!_]*.py",
    "mmdense/evaluation/knn.py",
    "mmdense/evaluation/linear_probe.py",
    *(
        f"mmdense/evaluation/dense/{stem}.py"
        for stem in (
            *("mean_iou", "patch_labels", "protocols/context_knn", "protocols/correspondence"),
            *("protocols/label_propagation", "protocols/linear_segmentation"),
            *("protocols/object_discovery", "protocols/patch_knn", "protocols/position_probe"),
        )
    ),
    "mmdense/visual/attention.py",
    *(f"mmdense/ssl/{stem}.py" for stem in ("gather", "losses", "prototypes", "sum_of_terms")),
    "mmdense/visual/patch_pca.py",
    "mmdense/transfer/resize.py",
    "mmdense/transfer/split_resnet.py",
    *(
        f"mmdense/collapse/{stem}.py"
        for stem in (*("decompose", "decorrelation", "readings", "spectrum", "taps", "verdict"),)
    ),
    "projects/*/[!_]*.py",
]
# Those of them that others may import, besides ops/ and collapse/.
PURE_MODULES = (
    *(f"mmdense.ssl.{stem}" for stem in ("gather", "losses", "prototypes", "sum_of_terms")),
    *("mmdense.evaluation.knn", "mmdense.evaluation.dense.patch_labels"),
)
# Exceptions to it, besides the files of a project that register a class.
ADAPTERS = {"mmdense/ops/mmcv_ops.py", "mmdense/ops/torchvision_ops.py"} | {
    f"projects/cascade_rpn/{stem}.py"
    for stem in ("draw_stages", "proposal_model", "stage", "stage_loss")
}
ADAPTERS |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("projects/*/tables.py")}


@functools.cache
def files(folder: str = "") -> list[str]:
    """Return the paths of the files that git tracks, or would, below a folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "./" + folder]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in names.splitlines() if (ROOT / name).is_file()]


def python_files(folder: str = "") -> list[str]:
    return [name for name in files(folder) if name.endswith(".py")]


@functools.cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@functools.cache
def imports_of(name: str) -> set[str]:
    """Return the dotted names of all that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(text_of(name))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = Path(name).parts[:-1][: len(Path(name).parts) - node.level]
            base = ".".join([*package, node.module or ""] if node.level else [node.module or ""])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def packages_of(name: str) -> set[str]:
    return {imported.split(".")[0] for imported in imports_of(name)}


def folder_of(path: Path) -> str:
    """Return the entry of FOLDERS to which a path relative to mmdense/ belongs."""
    if len(path.parts) == 1:
        return "."
    folder = next((p.as_posix() for p in path.parents if p.as_posix() in FOLDERS), ".")
    assert folder != ".", f"add mmdense/{path.parts[0]} to FOLDERS"
    return folder


def test_projects_import_mmdense_and_never_the_other_way_round():
    offenders = [
        f"{name} imports {package}"
        for folder, forbidden in {
            "mmdense": {"projects", "tools", "configs", "tests", "benchmarks"},
            "projects": {"tools", "configs", "tests", "benchmarks"},
            "tools": {"configs", "tests", "benchmarks"},
        }.items()
        for name in python_files(folder)
        for package in packages_of(name) & forbidden
    ]
    for name in python_files("projects"):
        own = f"projects.{Path(name).parts[1]}"
        offenders += [
            f"{name} imports {imported}"
            for imported in imports_of(name)
            if imported.startswith("projects.") and f"{imported}.".find(f"{own}.") != 0
        ]
    assert not offenders


def test_folders_of_mmdense_import_lower_folders_only():
    offenders = set()
    for name in python_files("mmdense"):
        if name == "mmdense/__init__.py":
            continue
        importer = folder_of(Path(name).relative_to("mmdense"))
        for imported in imports_of(name):
            path = Path(*imported.split("."))
            if path.parts[0] != "mmdense" or not (ROOT / path).with_suffix(".py").is_file():
                continue
            folder = folder_of(path.relative_to("mmdense"))
            if FOLDERS.index(folder) > FOLDERS.index(importer):
                offenders.add(f"{name} ({importer}) imports {imported} ({folder})")
    assert not offenders


def test_mathematics_imports_torch_only():
    offenders = []
    for pattern in PURE:
        found = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)} - ADAPTERS
        assert found, f"no file for {pattern}: correct PURE"
        for name in found & set(files()):
            if name.startswith("projects/") and "register_module" in text_of(name):
                continue
            allowed = {"torch", "triton", "mmdense", "projects", *sys.stdlib_module_names}
            foreign = packages_of(name) - allowed
            foreign |= {
                imported
                for imported in imports_of(name)
                if imported.startswith("mmdense.")
                and not imported.startswith(("mmdense.ops", "mmdense.collapse", *PURE_MODULES))
            }
            if foreign:
                offenders.append(f"{name} imports {', '.join(sorted(foreign))}")
    assert not offenders


def test_names_say_what_a_file_is_about():
    empty = {"utils", "util", "misc", "helpers", "helper", "common"}
    assert not [name for name in python_files() if empty & {Path(name).stem, *Path(name).parts}]


def test_nothing_is_compiled():
    compiled = {".c", ".cc", ".cpp", ".cu", ".cuh", ".pyx", ".so", ".rs"}
    assert not [name for name in files() if Path(name).suffix in compiled]
    python = python_files("mmdense") + python_files("projects")
    assert not [name for name in python if "cpp_extension" in text_of(name)]


def test_one_slug_names_a_method():
    projects = {Path(name).parts[1] for name in python_files("projects")}
    places = [f"{top}/{slug}" for top in ("configs", "tests") for slug in projects]
    assert projects
    assert not [place for place in places if not (ROOT / place).is_dir()]
    assert not (ROOT / "projects" / "__init__.py").exists()


def test_configs_have_a_docstring_and_import_the_package():
    offenders = []
    for name in python_files("configs"):
        if "_base_" in Path(name).parts:
            continue
        if not ast.get_docstring(ast.parse(text_of(name))):
            offenders.append(f"{name}: no docstring")
        cfg = Config.fromfile(ROOT / name, import_custom_modules=False)
        names_configs_only = {"stages", "variants"} & set(cfg)  # a pipeline or a study
        if not names_configs_only and "mmdense" not in cfg.custom_imports["imports"]:
            offenders.append(f"{name}: custom_imports without mmdense")
    assert not offenders
