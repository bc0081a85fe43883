"""Scores of dense evaluations in the report."""

import re

from mmdense.report.dense_section import dense_section
from mmdense.report.page import page_of
from mmdense.report.results_section import results_section
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import run


def dense_run(folder, name, value, *, size=320, test="t" * 64):
    protocols = {"correspondence": f"pck(size={size})", "position": f"position(size={size})"}
    metrics = {"dense/position/r2_row": value, "dense/correspondence/pck_5": 60.0}
    return run(
        folder / name, name, metrics=metrics, protocols=protocols, curves={}, data={"test": test}
    )


def rows(html):
    """Cells of each row of each table."""
    bodies = [part.split("</tbody>")[0] for part in html.split("<tbody>")[1:]]
    return [
        [
            [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
            for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
        ]
        for body in bodies
    ]


def test_equal_settings_are_in_one_row(tmp_path):
    paths = [dense_run(tmp_path, "a", 1.5), dense_run(tmp_path, "b", 2.25)]
    paths += [dense_run(tmp_path, "c", 9.0, size=448)]
    (table,) = rows(dense_section(read_subjects(paths)).html)
    assert [row[:5] for row in table] == [
        ["correspondence", "pck_5", "60.00", "60.00", "–"],
        ["position", "r2_row", "1.50", "2.25", "–"],
        ["correspondence", "pck_5", "–", "–", "60.00"],
        ["position", "r2_row", "–", "–", "9.00"],
    ]
    assert table[0][-1] == "pck(size=320)"


def test_other_test_images_are_in_another_table(tmp_path):
    paths = [dense_run(tmp_path, "a", 1.5), dense_run(tmp_path, "b", 2.25, test="u" * 64)]
    first, second = rows(dense_section(read_subjects(paths)).html)
    assert first[1][2] == "1.50"
    assert second[1][2] == "2.25"


def test_the_page_has_each_score_once(tmp_path):
    subjects = read_subjects([dense_run(tmp_path, "a", 12.345)])
    assert not results_section(subjects).html
    assert page_of(subjects).count(">12.3") == 1


def test_no_section_without_dense_scores(tmp_path):
    assert not dense_section(read_subjects([run(tmp_path)])).html
