"""The same image by all stages of a task, within a budget of bytes."""

import json
import re

import numpy as np
from PIL import Image

from mmdense.report import predictions_section as module
from mmdense.report.predictions_section import predictions_section
from mmdense.report.sources import read_subjects
from tests.mmdense.report.made_up_records import picture, pipeline, run, study


def test_stages_stand_side_by_side_and_most_images_are_folded(tmp_path):
    section = predictions_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    assert section.html.count("<img ") == 10
    assert "<h3>Segmentation</h3>" in section.html
    assert 'alt="Image 0: truth and what ssl predicts"' in section.html
    first = section.html.split('class="image-name"')[1]
    assert first.count("<figure>") == 2
    assert section.html.split("<details>")[0].count("<img ") == 6
    assert "2 more images" in section.html


def test_images_beyond_the_budget_are_counted(tmp_path, monkeypatch):
    folder = pipeline(tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    for number in range(5):
        Image.fromarray(noise).save(folder / "ssl" / "predictions" / f"{number}.png")
    monkeypatch.setattr(module, "_BUDGET", 100_000)
    html = predictions_section(read_subjects([folder])).html
    shown = html.count('class="image-name"')
    assert 1 <= shown < 5
    assert f"{5 - shown} more stand in predictions/" in html


def test_a_broken_picture_is_a_notice(tmp_path):
    (pipeline(tmp_path) / "ssl" / "predictions" / "3.png").write_bytes(b"x")
    section = predictions_section(read_subjects([tmp_path]))
    assert section.html.count("<img ") == 9
    assert section.notices[0].text == "ssl: predictions/3.png is no picture that can be read."


def test_of_seeds_the_first_one_is_shown(tmp_path):
    study(tmp_path)
    for place in ("plain/seed1", "plain/seed2", "wide/seed0"):
        picture(tmp_path / place / "predictions" / "0.png")
    html = predictions_section(read_subjects([tmp_path])).html
    assert html.count("<img ") == 2
    assert "<figcaption>Plain</figcaption>" in html


def test_groups_of_a_study_have_images_of_their_own(tmp_path):
    record = json.loads((study(tmp_path) / "record.json").read_text())
    for variant in record["config"]["variants"]:
        variant["group"] = f"of_{variant['name']}"
        for image in range(4):  # the other group has other images
            place = tmp_path / variant["name"] / "seed0" / "predictions"
            picture(place / f"{variant['name']}{image}.png")
    (tmp_path / "record.json").write_text(json.dumps(record))
    html = predictions_section(read_subjects([tmp_path])).html
    headings = re.findall("<h3>(.*?)</h3>", html)
    assert [heading.split(", ")[1] for heading in headings] == ["of plain", "of wide"]
    for part, name in zip(html.split("<h3>")[1:], ("Plain", "Wide")):
        assert part.split("<details>")[0].count(f"<figcaption>{name}</figcaption>") == 3


def test_nothing_without_pictures(tmp_path):
    assert predictions_section(read_subjects([run(tmp_path)])).html == ""
