import json
import os

import pytest

from mmdense.workflow import stage as module
from mmdense.workflow.stage import Stage, StageError, fingerprint, read_stages, run_stage


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
        ({"tool": "cook"}, r"stages\[2\].tool is 'cook'"),
        ({"name": "pretrain"}, r"stages\[2\].name 'pretrain' is used twice"),
        ({"after": "nobody"}, r"stages\[2\].after is 'nobody', which is not a stage before it"),
        ({"after": "probe"}, r"stages\[2\].after is 'probe', which is not a training"),
        ({"config": "absent.py"}, r"stages\[2\].config: no such file absent.py"),
        ({"colour": "red"}, r"stages\[2\]:.*colour"),
        ({"seed": 1}, r"stages\[2\]:.*seed"),
    ],
)
def test_a_wrong_stage_is_named_before_anything_runs(config, changes, message):
    with pytest.raises(ValueError, match=message):
        probe = entry(config, name="probe", tool="knn")
        read_stages([entry(config), probe, entry(config, **{"name": "last", **changes})], seed=0)


def test_the_fingerprint_follows_everything_that_goes_in(config, tmp_path):
    def mark(data="d", before=None, **changes):
        stage = Stage(**{"seed": 0, **entry(config, **changes)})
        return fingerprint(stage, data=data, before=before)

    checkpoint = tmp_path / "ssl.pth"
    marks = {
        mark(),
        mark(data="other"),
        mark(before="abc"),
        mark(seed=1),
        mark(gpus=2),
        mark(options=("--amp",)),
        mark(cfg_options={"lr": 0.2}),
    }
    for content in (b"one", b"two"):
        checkpoint.write_bytes(content)
        marks.add(mark(options=("--init", str(checkpoint))))
    (tmp_path / "config.py").write_text("lr = 0.3\n")
    marks.add(mark())
    assert len(marks) == 10
    (tmp_path / "config.py").write_text("# a comment changes nothing\nlr = 0.1\nexpected = [1]\n")
    assert mark() in marks


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A fake tools/train.py that notes its arguments and fails while `fail` exists."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import os, pathlib, sys, time\n"
        "here = pathlib.Path(__file__).parent\n"
        "work = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])\n"
        "with open(here / 'calls', 'a') as f: f.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "status = here / 'status'\n"
        'status.write_text(\'{"phase": "train", "step": 1, "steps": 2}\')\n'
        "status.replace(os.environ['MMDENSE_STATUS_FILE'])\n"
        "time.sleep(0.1)\n"
        "(work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))\n"
        "(work / 'epoch_1.pth').touch()\n"
        "if (here / 'fail').exists(): sys.exit('the disk is full')\n"
    )
    monkeypatch.setattr(module, "TOOL_FOLDER", folder)
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    return folder


def run(stage, tmp_path, mark, show=None):
    shown = []
    ran = run_stage(stage, work_dir=tmp_path / "work", mark=mark, show=show or shown.append)
    return ran, [str(status) for status in shown if status]


def calls(tools):
    return (tools / "calls").read_text().splitlines()


def test_a_finished_stage_is_not_run_again_until_its_inputs_change(config, tmp_path, tools):
    stage = Stage(**entry(config), seed=3)
    folder = tmp_path / "work" / "pretrain"
    ran, shown = run(stage, tmp_path, "a")
    assert ran and set(shown) == {"train 1/2"}
    assert not (folder / "status.json").exists()
    assert run(stage, tmp_path, "a") == (False, [])
    (folder / "old").touch()
    assert run(stage, tmp_path, "b")[0]
    assert not (folder / "old").exists()  # it began in an empty folder
    assert len(calls(tools)) == 2
    assert "--resume" not in calls(tools)[1]


def test_an_interrupted_stage_resumes_under_the_same_fingerprint(config, tmp_path, tools):
    stage = Stage(**entry(config), seed=3)
    (tools / "fail").touch()
    with pytest.raises(StageError, match=r"(?s)'pretrain' ended with code 1.*the disk is full"):
        run(stage, tmp_path, "a")
    note = tmp_path / "work" / "pretrain" / "stage.json"
    assert json.loads(note.read_text()) == {"fingerprint": "a", "state": "running"}
    (tools / "fail").unlink()
    assert run(stage, tmp_path, "a")[0]
    assert "--resume" in calls(tools)[1]


def test_a_stage_starts_from_the_checkpoint_of_the_one_before(config, tmp_path, tools):
    options = {"options": ("--amp",), "cfg_options": {"lr": 0.2}}
    second = Stage(**entry(config, name="detect", after="pretrain", **options), seed=3)
    with pytest.raises(StageError, match="'pretrain' has no checkpoint"):
        run(second, tmp_path, "b")
    run(Stage(**entry(config), seed=3), tmp_path, "a")
    run(second, tmp_path, "b")
    folder = tmp_path / "work"
    assert calls(tools)[1].split() == [
        *(config, "--init", f"{folder}/pretrain/epoch_1.pth", "--work-dir", f"{folder}/detect"),
        *("--seed", "3", "--amp", "--cfg-options", "lr=0.2"),
    ]


def test_a_dense_evaluation_of_trained_and_of_random_weights(config, tmp_path, tools):
    (tools / "dense_eval.py").write_text((tools / "train.py").read_text())
    run(Stage(**entry(config), seed=3), tmp_path, "a")
    for name, after in (("ssl", "pretrain"), ("random", None)):
        options = {"tool": "dense_eval", "after": after, "options": ("--data", "camvid")}
        run(Stage(**entry(config, name=name, **options), seed=3), tmp_path, name)
    folder = tmp_path / "work"
    assert [line.split()[:4] for line in calls(tools)[1:]] == [
        [config, f"{folder}/pretrain/epoch_1.pth", "--work-dir", f"{folder}/ssl"],
        [config, "none", "--work-dir", f"{folder}/random"],
    ]


def test_an_interrupt_ends_the_tool_too(config, tmp_path, tools):
    (tools / "train.py").write_text(
        "import os, sys, time\n"
        "open(sys.argv[sys.argv.index('--work-dir') + 1] + '/pid', 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    note = tmp_path / "work" / "pretrain" / "pid"

    def interrupt(_):
        if note.is_file() and note.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Stage(**entry(config), seed=0), tmp_path, "a", show=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_the_tools_exist():
    for tool in (*module.TOOLS, "draw_features"):
        assert (module.TOOL_FOLDER / f"{tool}.py").is_file()
