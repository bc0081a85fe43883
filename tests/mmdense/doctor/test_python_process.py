from mmdense.doctor.python_process import run_python


def test_the_process_sees_this_module_path_and_may_fail(site):
    (site.folder / "only_here.py").write_text("VALUE = 7\n")
    done = run_python("import sys, only_here; print(only_here.VALUE, sys.argv[1])", "x")
    assert done.stdout == "7 x\n"
    assert run_python("import not_here_at_all").returncode == 1
