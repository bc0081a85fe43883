"""The tools that write the HTML reports, started as on the command line."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmdense.report import page
from mmdense.report.collapse import section
from tests.mmdense.evaluation.tiny_siamese import PREPROCESSOR, Colours, loader, model
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.made_up_records import run, study

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture
def start(monkeypatch):
    def call(tool, *arguments):
        monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
        return runpy.run_path(str(TOOLS / tool))["main"]()

    return call


@pytest.fixture
def few_figures(monkeypatch):
    """Only the first figure on collapse: other tests draw all."""
    draw = page.charts_of
    for module in (page, section):
        monkeypatch.setattr(module, "charts_of", lambda runs: draw(runs)[:1])


def written(folder, **options):
    made_up(None, **options).write(folder)
    return folder


def test_report_prints_its_path(tmp_path, start, capsys):
    assert start("report.py", run(tmp_path / "a")) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a/report.html\n"
    out = tmp_path / "c.html"
    assert start("report.py", study(tmp_path / "b"), "-o", out, "--baseline", "plain") == 0
    assert "p 0.0028" in out.read_text()


def test_errors_of_report(tmp_path, start, capsys):
    assert start("report.py", tmp_path) == 1
    assert "no record found; looked for record.json in it" in capsys.readouterr().err
    assert start("report.py", run(tmp_path / "a"), "--baseline", "x") == 1
    assert "no variant 'x' to compare with: there is no study" in capsys.readouterr().err
    assert not (tmp_path / "a" / "report.html").exists()


@pytest.mark.usefixtures("few_figures")
def test_collapse_report_of_work_directories(tmp_path, start, capsys):
    a, b = written(tmp_path / "a"), written(tmp_path / "b", verdict="diverged", reason="NaN")
    assert start("collapse_report.py", a) == 0
    assert capsys.readouterr().out == (
        f"a: healthy. all is well\n{a}/collapse_report/collapse.html\n"
    )
    assert start("collapse_report.py", a, b, "-o", tmp_path / "out") == 0
    assert "b: diverged. NaN\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "centre.png").is_file()
    assert "diverged" in (tmp_path / "out" / "collapse.html").read_text()


@pytest.mark.usefixtures("few_figures")
def test_collapse_report_of_checkpoints(tmp_path, start, capsys):
    content = {
        "default_scope": "mmpretrain",
        "model": model(),
        "data_preprocessor": PREPROCESSOR,
        "train_dataloader": loader({"type": f"{Colours.__module__}.Colours", "size": 5}),
    }
    config, out = tmp_path / "tiny.py", tmp_path / "out"
    Config(content).dump(config)
    init_default_scope("mmpretrain")
    built = MODELS.build({**model(), "data_preprocessor": PREPROCESSOR})
    checkpoint = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": built.state_dict(), "meta": {"iter": 30}}, checkpoint)
    arguments = ("--config", config, "--checkpoint", checkpoint, "-o", out)
    assert start("collapse_report.py", *arguments) == 0
    assert capsys.readouterr().out.endswith(f"{out}/collapse.html\n")
    content = json.loads((out / "collapse.json").read_text())
    assert [step for step, _ in content["curves"]["m_o"]] == [30]
    assert content["facts"]["spaces"]["projector"]["images"] == 5
    assert "These readings are from checkpoints" in (out / "collapse.html").read_text()
    assert start("collapse_report.py", written(tmp_path / "a"), *arguments) == 0
    assert "2 runs" in (out / "collapse.html").read_text()
    torch.save({"state_dict": built.state_dict(), "run": Path}, checkpoint)
    assert start("collapse_report.py", *arguments) == 1
    assert "--trust-checkpoint" in capsys.readouterr().err


def test_errors_of_collapse_report(tmp_path, start, capsys):
    assert start("collapse_report.py", tmp_path) == 1
    assert "no collapse.json" in capsys.readouterr().err
    for arguments, message in (
        ((), "work directories, or --config and --checkpoint"),
        (("--config", "absent.py"), "there is no config file absent.py"),
        (("--checkpoint", "a.pth"), "--config and --checkpoint"),
    ):
        with pytest.raises(SystemExit):
            start("collapse_report.py", *arguments)
        assert message in capsys.readouterr().err
