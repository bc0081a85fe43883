"""Cost of a run: hours of CPU and GPU, energy from counters that overflow."""

import subprocess
import sys
import time

import pytest

from mmdense.records import cost as module
from mmdense.records.cost import CostMeter, over_processes

_BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def _spend(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_own_time_and_that_of_children_count(tmp_path):
    meter = CostMeter(powercap=tmp_path)
    _spend(0.2)
    subprocess.run([sys.executable, "-c", _BUSY], check=True)
    cost = meter.read()
    assert set(cost) == {"cpu_hours"}
    # 0.2 s of its own and 0.3 s of the child; the system counts in ticks of 0.01 s, user and system
    # time of either by itself, so up to 0.04 s are lost.
    assert 0.46 <= cost["cpu_hours"] * 3600 < 5


def test_a_live_child_counts(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", f"{_BUSY}\nprint(flush=True)\ninput()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    meter = CostMeter(powercap=tmp_path)
    before = meter.read()["cpu_hours"]
    child.stdout.readline()  # it has spent its time
    assert (meter.read()["cpu_hours"] - before) * 3600 > 0.1
    child.communicate(b"\n")


def test_gpu_hours(tmp_path):
    meter = CostMeter(4, powercap=tmp_path)
    started = time.perf_counter()
    time.sleep(0.1)
    cost = meter.read()
    assert cost["gpu_hours"] * 3600 == pytest.approx(
        4 * (time.perf_counter() - started), rel=0.2, abs=0.1
    )


def test_energy_of_all_packages_and_a_counter_that_overflows(tmp_path):
    for number, start in enumerate((900_000, 100_000)):
        folder = tmp_path / f"intel-rapl:{number}"
        folder.mkdir()
        (folder / "max_energy_range_uj").write_text("1000000\n")
        (folder / "energy_uj").write_text(f"{start}\n")
    meter = CostMeter(powercap=tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("400000\n")  # 0.5 J later
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("350000\n")  # 0.25 J later
    assert meter.read()["energy_kwh"] == pytest.approx(0.75 / 3.6e6)
    assert meter.read()["energy_kwh"] == pytest.approx(0.75 / 3.6e6)
    assert "energy_kwh" not in CostMeter(packages=False, powercap=tmp_path).read()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("300000\n")  # 0.9 J later
    assert meter.read()["energy_kwh"] == pytest.approx(1.65 / 3.6e6)


def test_the_cost_of_all_processes(monkeypatch, tmp_path):
    assert over_processes({"cpu_hours": 2.0}) == {"cpu_hours": 2.0}  # one alone
    spent = [
        {"cpu_hours": 2.0, "gpu_hours": 8.0, "energy_kwh": 0.5},
        {"cpu_hours": 3.0, "gpu_hours": 2.0, "energy_kwh": 0.25},  # its own GPU
        {"cpu_hours": 1.0, "gpu_hours": 2.0},
    ]
    monkeypatch.setattr(module, "all_gather_object", lambda mine: spent)
    total = over_processes(spent[0])
    assert total == {"cpu_hours": 6.0, "gpu_hours": 8.0, "energy_kwh": 0.75}
    assert spent[0]["cpu_hours"] == 2.0
