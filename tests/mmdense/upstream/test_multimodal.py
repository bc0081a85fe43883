"""``mmpretrain.models`` beside transformers releases, each faked in a folder of its own."""

import subprocess
import sys

import pytest

SCRIPT = """
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


def run(folder) -> str:
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("version", "files", "reason"),
    [
        # Names that MMPretrain needs have gone, as in transformers 5.
        ("5.24.0", {"__init__.py": "class BertTokenizerFast: pass\n"}, "'BasicTokenizer'"),
        # A release that does not fit the packages that it needs itself.
        ("4.57.6", {"__init__.py": "raise ImportError('tokenizers is too old')\n"}, "too old"),
        ("4.57.6", {"__init__.py": "import tokenizers_of_nobody\n"}, "tokenizers_of_nobody"),
    ],
)
def test_multimodal_models_become_placeholders_that_say_why(tmp_path, version, files, reason):
    fake_transformers(tmp_path, version, files)
    lines = run(tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines] == ["BlipCaption", "OFA"]
    assert all(reason in line and "pip install" in line for line in lines)


def test_without_transformers_the_placeholders_are_those_of_mmpretrain(tmp_path):
    try:
        import transformers  # noqa: F401
    except ImportError:
        assert "multi-modal dependencies" in run(tmp_path)
    else:
        pytest.skip("transformers is installed")
