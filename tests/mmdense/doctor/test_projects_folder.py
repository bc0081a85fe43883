import sys

from mmdense.doctor.projects_folder import check_projects


def test_a_namespace_of_several_folders_fits(site, tmp_path, monkeypatch):
    (site.folder / "projects" / "one").mkdir(parents=True)
    (tmp_path / "other" / "projects" / "two").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "other"), str(site.folder)])
    assert check_projects() is None


def test_a_folder_with_an_init_is_named(site, tmp_path, monkeypatch):
    folder = tmp_path / "old_checkout"
    (folder / "projects").mkdir(parents=True)
    (folder / "projects" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(site.folder), str(folder)])
    finding = check_projects()
    assert finding.serious
    assert finding.seen == str(folder / "projects" / "__init__.py")
    assert f"take {folder} off the path" in finding.advice


def test_a_distribution_that_brought_it_is_named(site):
    site.install("elsewhere", "1.0", files={"projects/__init__.py": ""})
    finding = check_projects()
    assert "of elsewhere" in finding.seen
    assert finding.advice == "pip uninstall elsewhere"
