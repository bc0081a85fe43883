from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from mmdense.doctor.mmcv_extension import check_extension, reason


def test_no_extension_fits(site):
    site.healthy()
    assert check_extension() is None


def test_an_extension_that_does_not_load(site):
    site.healthy()
    (site.folder / "mmcv" / f"_ext{EXTENSION_SUFFIXES[0]}").write_text("no machine code")
    finding = check_extension()
    assert finding.serious
    assert "file too short" in finding.seen or "invalid ELF header" in finding.seen
    assert "MMCV_WITH_OPS=1" in finding.advice


def test_an_extension_of_another_python(site):
    site.healthy()
    (site.folder / "mmcv" / "_ext.cpython-27-x86_64-linux-gnu.so").touch()
    assert "it is for another Python than 3." in check_extension().seen


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            "Traceback\nImportError: /a/b/_ext.so: undefined symbol: _ZNK3c1010TensorImpl3sizeEv",
            "it was built for another torch (ImportError: _ext.so: undefined symbol: "
            "_ZNK3c1010TensorImpl3sizeEv)",
        ),
        (
            "ImportError: libcudart.so.12: cannot open shared object file: No such file",
            "it was built for a torch with CUDA (ImportError: libcudart.so.12: cannot open "
            "shared object file: No such file)",
        ),
        ("", "the process ended without a word"),
    ],
)
def test_what_an_error_of_the_loader_means(error, text):
    assert reason(error) == text
