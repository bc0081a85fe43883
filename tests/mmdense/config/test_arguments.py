import os
import signal
import sys

import pytest

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors
from mmdense.workflow.stage import StageError


@pytest.fixture
def parser():
    made = ToolParser(prog="train.py")
    made.add_argument("config")
    made.add_argument("--cfg-options", nargs="+")
    made.add_argument("--work-dir")
    made.add_argument("--init")
    made.add_argument("--amp", action="store_true")
    made.add_argument("-o", "--out")
    return made


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.py", "--device", "cuda"], "--device. A tool uses the first visible GPU"),
        (["a.py", "--gpu-ids", "0"], "CUDA_VISIBLE_DEVICES=0"),
        (["a.py", "--gpus", "1"], "mmdense dist_train CONFIG GPUS"),
        (["--epochs", "5", "a.py"], "--cfg-options train_cfg.max_epochs=N"),
        (["a.py", "--epochs=5"], "--cfg-options train_cfg.max_epochs=N"),
        (["a.py", "--batch-size", "5"], "train_dataloader.batch_size=N"),
        (["a.py", "--batch_size", "5"], "train_dataloader.batch_size=N"),
        (["a.py", "-b", "5"], "unrecognized argument -b. "),
        (["a.py", "-j8"], "unrecognized argument -j8. "),
        (["a.py", "--lr", "0.1"], "optim_wrapper.optimizer.lr=RATE"),
        (["a.py", "--data", "x"], 'train_dataloader.dataset.data_root="FOLDER"'),
        (["a.py", "--weights", "x"], "--init CHECKPOINT for the backbone"),
        (["a.py", "--no-validate"], "val_cfg=None val_dataloader=None val_evaluator=None"),
        (["a.py", "--options", "a=1"], "Use --cfg-options KEY=VALUE"),
        (["a.py", "--local-rank", "1"], "start it with python, not with torchrun"),
        (["a.py", "--work_dir", "x"], "Use --work-dir"),
        (["--config", "a.py"], "Give CONFIG without --config"),
        (["a.py", "--ampp"], "Did you mean --amp?"),
        (["a.py", "--resume-from", "x"], "See train.py --help"),  # it has no --resume
        (["a.py", "b.py"], "unrecognized arguments: b.py"),
    ],
)
def test_an_unknown_argument_gets_its_replacement(parser, words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_known_arguments_are_parsed_as_argparse_does(parser):
    args = parser.parse_args(["a.py", "-oOUT", "--work", "x", "--cfg-options", "lr=-1", "-1"])
    assert (args.out, args.work_dir, args.cfg_options) == ("OUT", "x", ["lr=-1", "-1"])
    assert parser.parse_args(["--amp", "--", "--device"]).config == "--device"


@pytest.mark.parametrize(
    ("error", "status", "printed"),
    [
        (StageError("it failed"), 1, "study stopped: it failed\n"),
        (ValueError("bad seed"), 1, "study stopped: bad seed\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted; run the same command again to continue\n"),
    ],
)
def test_a_tool_ends_with_a_status_and_one_line(error, status, printed, capsys, monkeypatch):
    @one_line_errors
    def main():
        raise error

    monkeypatch.setattr(sys, "argv", ["tools/study.py"])
    assert main() == status
    assert capsys.readouterr().err == printed


def test_a_tool_ends_at_a_signal_and_a_programming_error_keeps_its_traceback():
    before = signal.getsignal(signal.SIGTERM)
    assert one_line_errors(lambda: os.kill(os.getpid(), signal.SIGTERM))() == 130
    assert one_line_errors(lambda: None)() == 0
    with pytest.raises(ZeroDivisionError):
        one_line_errors(lambda: 1 / 0)()
    assert signal.getsignal(signal.SIGTERM) is before
