import sys

from mmdense.doctor.multimodal import check_multimodal


def test_without_transformers_there_is_nothing_to_say(site):
    assert check_multimodal() is None


def test_a_release_without_the_names_that_mmpretrain_needs(site, monkeypatch):
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    site.install("transformers", "5.24.0", files={"transformers/__init__.py": ""})
    finding = check_multimodal()
    assert not finding.serious
    assert "BasicTokenizer" in finding.seen
    assert "transformers<5" in finding.advice
    sys.modules.pop("transformers", None)
