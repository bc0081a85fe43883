"""Which of the loaded code a result can depend on, and what makes its row stale."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmdense.records.record import Record
from mmdense.records.sources import _hash, loaded_sources
from mmdense.records.used_code import changed_code, used_modules

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "tools/train.py": "def main():\n    from mmdense.start import start\n",
    "tools/other.py": "from mmdense import idle\n",
    "mmdense/__init__.py": "from mmdense import heads, patch\n",
    "mmdense/patch.py": "",
    "mmdense/idle.py": "",
    "mmdense/start.py": "import mmdense.report.page\nHOOK = dict(type='mmdense.Hook')\n",
    "mmdense/report/page.py": "from mmdense import idle\n",  # only writes down
    "mmdense/hooks.py": "@HOOKS.register_module()\nclass Hook: ...\n",
    "mmdense/heads.py": "@MODELS.register_module()\nclass Head: ...\n",
    "mmdense/other_heads.py": "MODELS.register_module(name='OtherHead', module=object)\n",
    "projects/p/__init__.py": "from projects.p.net import Net\nfrom projects.p.loss import Loss\n",
    "projects/p/net.py": """
from projects.p import tensors
@M.register_module(name='P')
class Net: ...
""",
    "projects/p/loss.py": "@M.register_module()\ndef Loss(): ...\n",
    "projects/p/tensors.py": "",
    "configs/p.py": "model = {'type': 'mmdense.P', 'head': dict(type='Linear')}\n",
}
START = {"tools/train.py", "mmdense/__init__.py", "mmdense/patch.py", "mmdense/start.py"}
HOOK = {"mmdense/hooks.py"}
NET = {"projects/p/__init__.py", "projects/p/net.py", "projects/p/tensors.py"}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def record(root, config=None, **more):
    sources = {name: _hash(root / name) for name in FILES if not name.startswith("tools")}
    del sources["mmdense/report/page.py"]
    new = Record.begin("p", "run", config=config or {}, seed=0)
    return replace(new, command=["tools/train.py"], sources=sources, **more)


def test_what_the_tool_and_the_config_lead_to(root):
    bare = record(root)
    bare.sources.pop("configs/p.py")
    assert used_modules(bare, root) == START | HOOK
    assert used_modules(record(root), root) == START | HOOK | NET
    of_type = {"options": [{"model.head.type": "mmdense.OtherHead"}], "types": ["Loss"]}
    others = {"mmdense/other_heads.py"}
    assert used_modules(record(root, of_type), root) == START | HOOK | NET | others


def test_the_tools_of_stages_count(root):
    stages = [{"command": ["tools/other.py", "--now"]}, {"name": "prepare"}]
    used = used_modules(record(root, stages=stages), root)
    assert used == START | HOOK | NET | {"tools/other.py", "mmdense/idle.py"}


@pytest.mark.parametrize(
    ("changed", "is_stale"),
    [
        ("projects/p/tensors.py", True),
        ("mmdense/hooks.py", True),
        ("configs/p.py", True),
        ("projects/p/loss.py", False),
        ("mmdense/heads.py", False),
        ("mmdense/idle.py", False),
    ],
)
def test_code_makes_stale_what_can_depend_on_it(root, changed, is_stale):
    old = record(root)
    assert changed_code(old, root) == []
    with (root / changed).open("a") as file:
        file.write("x = 1\n")
    assert changed_code(old, root) == ([changed] if is_stale else [])


def test_code_that_led_elsewhere_is_stale_itself(root):
    old = record(root)
    (root / "projects/p/net.py").write_text("@M.register_module(name='P')\nclass Net: ...\n")
    (root / "projects/p/tensors.py").write_text("x = 1\n")  # no longer used
    assert changed_code(old, root) == ["projects/p/net.py"]


def test_a_type_that_another_file_has_taken_over(root):
    old = record(root)
    (root / "projects/p/new.py").write_text("@M.register_module()\nclass P: ...\n")
    assert changed_code(old, root) == []  # two places: the one it came from is unchanged
    (root / "projects/p/net.py").write_text("")
    (root / "projects/p/__init__.py").write_text("from projects.p.loss import Loss\n")
    assert changed_code(old, root) == ["projects/p/new.py"]


def test_a_file_that_is_gone_may_have_been_used(root):
    old = record(root)
    (root / "mmdense/other_heads.py").unlink()
    assert changed_code(old, root) == ["mmdense/other_heads.py"]


def test_with_an_unknown_tool_everything_counts(root):
    old = replace(record(root), command=["/somewhere/of_mine.py"])
    assert used_modules(old, root) is None
    (root / "mmdense/idle.py").write_text("x = 1\n")
    assert changed_code(old, root) == ["mmdense/idle.py"]
    assert changed_code(replace(old, sources={}), root) == []


def test_a_detector_depends_on_its_ops_and_not_on_the_diagnostics_of_pretraining():
    config = "configs/cascade_rpn/cascade_rpn_r18_bccd.py"
    assert (ROOT / config).is_file()
    run = Record.begin("cascade_rpn", "run", config={}, seed=0)
    used = used_modules(
        replace(run, command=["tools/train.py"], sources=loaded_sources(config)), ROOT
    )
    ours = ("cascade_rpn_head", "adaptive_conv", "sampled_conv", "stage_loss", "region_targets")
    assert {f"projects/cascade_rpn/{name}.py" for name in ours} <= used
    assert {"mmdense/ops/nms.py", "mmdense/ops/mmcv_ops.py", "mmdense/engine/steps.py"} <= used
    unused = ("mmdense/collapse", "mmdense/ssl", "projects/simsiam_decomp")
    assert not [
        name for name in used if name.startswith(unused) and not name.endswith("__init__.py")
    ]
