"""Update all tables from the records, or check that they are up to date.

These are the tables of the README files and docs, the advice in docs/collapse.md, the `expected`
scores of the configs, the metafiles of the projects with model-index.yml, and results/results.csv.

python tools/tables.py [--check]
"""

import difflib
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.records.expected import refresh, refresh_all
from mmdense.records.kept_results import Results, read_results
from mmdense.records.marked_tables import MarkError, fill_tables
from mmdense.records.record import RecordError
from mmdense.report.collapse.advice import as_markdown
from mmdense.report.model_zoo import metafile, model_index, scores_csv
from mmdense.report.project_tables import MakeTable
from mmdense.report.tables import all_tables


def main(root: Path) -> int:
    """Fill every table and expectation below ``root``; return the exit status."""
    parser = ToolParser(__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    args = parser.parse_args()
    try:
        changed = changed_files(root)
    except (MarkError, RecordError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for file, (old, new) in changed.items():
        if args.check:
            before, after = old.splitlines(), new.splitlines()
            names = f"{file} (as it is)", f"{file} (from results/)"
            print("\n".join(difflib.unified_diff(before, after, *names, lineterm="")))
        else:
            (root / file).write_text(new, encoding="utf-8")
            print(f"wrote {file}")
    return int(args.check and bool(changed))


def changed_files(root: Path) -> dict[str, tuple[str, str]]:
    """Return ``{file: (old text, new text)}`` of the files with figures that are not up to date."""
    results = read_results(root)
    changed = {}
    for file in markdown_files(root):
        to_root = "../" * file.count("/")
        tables: dict[str, Callable[[], str]] = {
            name: functools.partial(_markdown, make, results, to_root)
            for name, make in all_tables().items()
        }
        tables["verdicts"] = as_markdown
        old = (root / file).read_text(encoding="utf-8")
        new = fill_tables(old, tables, file)
        if new != old:
            changed[file] = (old, new)
    for path, new in refresh_all(root / "configs", results=root / "results").items():
        changed[path.relative_to(root).as_posix()] = (path.read_text(encoding="utf-8"), new)
    for file, new in model_zoo(root, results).items():
        path = root / file
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        if new != old:
            changed[file] = (old, new)
    return changed


def _markdown(make: MakeTable, results: Results, to_root: str) -> str:
    return make(results).markdown(to_root)


def model_zoo(root: Path, results: Results) -> dict[str, str]:
    """Metafiles, their index and the table of all scores, as they should be."""
    files = {"results/results.csv": scores_csv(results)} if results.records else {}
    for path in sorted((root / "projects").glob("*/metafile.yml")):
        configs = {
            config.relative_to(root).as_posix(): refresh(
                config.read_text(encoding="utf-8"), results=root / "results", where=str(config)
            )
            for config in (root / "configs" / path.parent.name).glob("*.py")
        }
        text = path.read_text(encoding="utf-8")
        files[path.relative_to(root).as_posix()] = metafile(text, configs, results)
    metafiles = [file for file in files if file.endswith("metafile.yml")]
    return {**files, "model-index.yml": model_index(metafiles)} if metafiles else files


def markdown_files(root: Path) -> list[str]:
    """README.md files anywhere and all Markdown below docs/, as git sees them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"]
    patterns = ["README.md", "*/README.md", "docs/*.md"]
    listed = subprocess.run(
        [*command, *patterns], cwd=root, capture_output=True, text=True, check=True
    )
    files = sorted(set(listed.stdout.split("\0")) - {""})
    return [file for file in files if (root / file).is_file()]


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
