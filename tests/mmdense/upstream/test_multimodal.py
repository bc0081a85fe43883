"""``mmpretrain.models`` beside transformers releases, each faked in a folder of its own."""

import sys
import types

import pytest

from mmdense.upstream import multimodal
from tests.fresh_interpreter import run_script

SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import mmdense, mmdet.models, mmpretrain.models, mmseg.models
from mmpretrain.registry import MODELS
MODELS.build(dict(type="VisionTransformer", arch="deit-tiny", img_size=32, patch_size=16))
for name in ("BlipCaption", "OFA"):
    try:
        MODELS.build(dict(type=name))
    except ImportError as error:
        print(error)
"""


def fake_transformers(folder, version: str, files: dict[str, str]) -> None:
    info = folder / f"transformers-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: transformers\nVersion: {version}")
    (folder / "transformers").mkdir()
    for name, text in files.items():
        (folder / "transformers" / name).write_text(text)


# Names that MMPretrain needs have gone, as in transformers 5.
GONE = "class BertTokenizerFast: pass\n"


def test_multimodal_models_become_placeholders_that_give_the_reason(tmp_path):
    fake_transformers(tmp_path, "5.24.0", {"__init__.py": GONE})
    lines = run_script(SCRIPT, tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines] == ["BlipCaption", "OFA"]
    assert all("'BasicTokenizer'" in line and "pip install" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GONE, "'BasicTokenizer'"),
        # Releases that do not fit the packages that they need themselves.
        ("raise ImportError('tokenizers is too old')\n", "too old"),
        ("import tokenizers_of_nobody\n", "tokenizers_of_nobody"),
    ],
)
def test_what_a_transformers_lacks(tmp_path, monkeypatch, text, reason):
    fake_transformers(tmp_path, "4.57.6", {"__init__.py": text})
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
        monkeypatch.delitem(sys.modules, name)
    assert reason in multimodal.why_not_multimodal()
    sys.modules.pop("transformers", None)


def test_without_transformers_the_placeholders_are_those_of_mmpretrain():
    dependency = types.SimpleNamespace(WITH_MULTIMODAL=False)
    multimodal._check(dependency)
    assert vars(dependency) == {"WITH_MULTIMODAL": False}
