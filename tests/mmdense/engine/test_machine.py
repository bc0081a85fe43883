from mmdense.engine.machine import available_cores


def test_a_container_quota_counts(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")  # 100,000 us of every 100,000 us: one core
    assert available_cores(quota) == 1


def test_a_quota_below_one_core_still_leaves_one(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("20000 100000\n")
    assert available_cores(quota) == 1


def test_no_quota_changes_nothing(tmp_path):
    unlimited = tmp_path / "cpu.max"
    unlimited.write_text("max 100000\n")
    assert available_cores(unlimited) == available_cores(tmp_path / "absent") >= 1
