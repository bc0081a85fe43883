import json

import pytest

from mmdense.workflow import stage as stage_module
from mmdense.workflow.stage import (
    Stage,
    StageError,
    fingerprint,
    last_checkpoint,
    read_stages,
    run_stage,
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.py"
    path.write_text("lr = 0.1\n")
    return str(path)


def entry(path, **changes):
    return {
        "name": "pretrain",
        "tool": "train",
        "config": path,
        "task": "pretrain",
        "data": "Collage",
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tool": "cook"}, r"stages\[1\].tool is 'cook'"),
        ({"name": "pretrain"}, r"stages\[1\].name 'pretrain' is used twice"),
        ({"after": "nobody"}, r"stages\[1\].after is 'nobody', which is not a stage before it"),
        ({"config": "absent.py"}, r"stages\[1\].config: there is no file absent.py"),
        ({"colour": "red"}, r"stages\[1\]:.*colour"),
    ],
)
def test_a_wrong_stage_is_named_before_anything_runs(config, changes, message):
    with pytest.raises(ValueError, match=message):
        read_stages([entry(config), entry(config, **{"name": "second", **changes})])


def test_a_stage_cannot_start_from_one_that_trains_nothing(config):
    with pytest.raises(ValueError, match="which trains nothing"):
        read_stages([entry(config, tool="knn"), entry(config, name="second", after="pretrain")])


def test_the_fingerprint_follows_everything_that_goes_in(config, tmp_path):
    stage = Stage(**entry(config))
    base = {"data": "d", "before": None, "seed": 0}
    marks = {
        fingerprint(stage, **base),
        fingerprint(stage, **{**base, "data": "other"}),
        fingerprint(stage, **{**base, "before": "abc"}),
        fingerprint(stage, **{**base, "seed": 1}),
        fingerprint(Stage(**entry(config, options=("--amp",))), **base),
        fingerprint(Stage(**entry(config, cfg_options={"lr": 0.2})), **base),
    }
    (tmp_path / "config.py").write_text("lr = 0.3\n")
    marks.add(fingerprint(stage, **base))
    assert len(marks) == 7
    (tmp_path / "config.py").write_text("# a comment changes nothing\nlr = 0.1\nexpected = [1]\n")
    assert fingerprint(stage, **base) in marks


def test_the_fingerprint_follows_the_content_of_a_checkpoint(config, tmp_path):
    file = tmp_path / "ssl.pth"
    stage = Stage(**entry(config, options=("--init", str(file))))
    marks = set()
    for content in (b"one", b"two"):
        file.write_bytes(content)
        marks.add(fingerprint(stage, data="d", before=None, seed=0))
    assert len(marks) == 2


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A stand-in for tools/train.py that notes its arguments and fails while `fail` exists."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "work = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])\n"
        "with open(here / 'calls', 'a') as f: f.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "print('Epoch(train) [1][1/2] loss: 0.5', flush=True)\n"
        "(work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))\n"
        "(work / 'epoch_1.pth').touch()\n"
        "if (here / 'fail').exists(): sys.exit('the disk is full')\n"
    )
    monkeypatch.setattr(stage_module, "_TOOL_FOLDER", folder)
    return folder


def run(stage, tmp_path, mark, **changes):
    lines = []
    arguments = {"checkpoint": None, "seed": 3, "on_line": lines.append, **changes}
    ran = run_stage(stage, work_dir=tmp_path / "work", mark=mark, **arguments)
    return ran, lines


def calls(tools):
    return (tools / "calls").read_text().splitlines()


def test_a_finished_stage_is_not_run_again_until_its_inputs_change(config, tmp_path, tools):
    stage = Stage(**entry(config))
    assert run(stage, tmp_path, "a") == (True, ["Epoch(train) [1][1/2] loss: 0.5"])
    assert run(stage, tmp_path, "a") == (False, [])
    (tmp_path / "work" / "pretrain" / "old").touch()
    assert run(stage, tmp_path, "b")[0]
    assert not (tmp_path / "work" / "pretrain" / "old").exists()  # it began in an empty folder
    assert len(calls(tools)) == 2
    assert "--resume" not in calls(tools)[1]


def test_an_interrupted_stage_resumes_under_the_same_fingerprint(config, tmp_path, tools):
    stage = Stage(**entry(config))
    (tools / "fail").touch()
    with pytest.raises(StageError, match=r"(?s)'pretrain' ended with code 1.*the disk is full"):
        run(stage, tmp_path, "a")
    note = tmp_path / "work" / "pretrain" / "stage.json"
    assert json.loads(note.read_text()) == {"fingerprint": "a", "state": "running"}
    (tools / "fail").unlink()
    assert run(stage, tmp_path, "a")[0]
    assert "--resume" in calls(tools)[1]


def test_the_checkpoint_of_the_stage_before_is_handed_on(config, tmp_path, tools):
    first = Stage(**entry(config))
    run(first, tmp_path, "a")
    checkpoint = last_checkpoint(first.name, tmp_path / "work")
    second = Stage(**entry(config, name="detect", options=("--amp",), cfg_options={"lr": 0.2}))
    run(second, tmp_path, "b", checkpoint=checkpoint)
    assert calls(tools)[1].split() == [
        config,
        "--init",
        str(checkpoint),
        "--work-dir",
        str(tmp_path / "work" / "detect"),
        "--seed",
        "3",
        "--amp",
        "--cfg-options",
        "lr=0.2",
    ]


def test_an_interrupt_ends_the_tool_too(config, tmp_path, tools):
    (tools / "train.py").write_text(
        "import time\nprint('Epoch(train) [1][1/2]', flush=True)\ntime.sleep(60)\n"
    )

    def interrupt(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Stage(**entry(config)), tmp_path, "a", on_line=interrupt)


def test_a_stage_without_a_checkpoint_says_so(config, tmp_path):
    with pytest.raises(StageError, match="'pretrain' left no checkpoint"):
        last_checkpoint(Stage(**entry(config)).name, tmp_path)


def test_the_tools_exist():
    for tool in stage_module.TOOLS:
        assert (stage_module._TOOL_FOLDER / f"{tool}.py").is_file()
