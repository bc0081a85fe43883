"""Images of the report: bounded, captioned, within a budget; broken ones are notices."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from mmdense.report import images as module
from mmdense.report.images import embed, images_section, predictions_section
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import pipeline, run, study, write_image
from tests.mmdense.report.page_reader import Page, content


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(content(image.uri)))).astype(int)


def test_large_images_become_smaller_and_small_ones_stay(tmp_path):
    write_image(tmp_path / "a.png", (300, 100))
    assert embed(tmp_path / "a.png", longest=150)[1:3] == (150, 50)
    whole = embed(tmp_path / "a.png", longest=900)
    assert whole[1:] == (300, 100, len(content(whole.uri)))
    assert np.abs(pixels(whole) - (200, 30, 30)).max() < 12
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    assert pixels(embed(tmp_path / "b.png", longest=8)).min() > 250  # transparent is white


def test_a_broken_image_is_named_without_its_absolute_path(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=f"^{tmp_path.name}/a.png: "):
        embed(tmp_path / "a.png", longest=8)
    write_image(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:60])
    with pytest.raises(ValueError, match="b.png: "):
        embed(tmp_path / "b.png", longest=8)
    Image.new("1", (10_000, 6_500)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="10000 x 6500 pixels"):
        embed(tmp_path / "c.png", longest=8)


def test_predictions_of_stages_are_side_by_side_and_most_are_folded(tmp_path):
    section = predictions_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    images = Page(section.html).images
    assert [image["alt"] for image in images[:2]] == [
        f"Image 0: ground truth and prediction of {name}" for name in ("ssl", "random")
    ]
    assert len(images) == 10
    assert section.html.split("<details>")[0].count("<img ") == 6
    assert "2 more images" in section.html and "<h3>Segmentation</h3>" in section.html


def test_predictions_beyond_the_budget_are_counted_and_broken_ones_are_notices(
    tmp_path, monkeypatch
):
    folder = pipeline(tmp_path)
    (folder / "ssl" / "predictions" / "3.png").write_bytes(b"x")
    section = predictions_section(read_subjects([folder]))
    assert section.html.count("<img ") == 9
    assert section.notices[0].text.startswith("ssl: predictions/3.png: ")
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    for number in range(5):
        Image.fromarray(noise).save(folder / "ssl" / "predictions" / f"{number}.png")
    monkeypatch.setattr(module, "_PREDICTION_BYTES", 100_000)
    html = predictions_section(read_subjects([folder])).html
    shown = html.count('class="image-name"')
    assert 1 <= shown < 5
    assert f"{5 - shown} more images" in html


def test_of_seeds_the_first_one_is_shown(tmp_path):
    made = study(tmp_path)
    for name in ("plain/seed1", "plain/seed2", "wide/seed0"):
        write_image(tmp_path / name / "predictions" / "0.png")
        write_image(tmp_path / name / "pictures" / "patch_pca.png")
    subjects = read_subjects([made])
    html = predictions_section(subjects).html
    assert html.count("<img ") == 2 and "<figcaption>Plain</figcaption>" in html
    html = images_section(subjects).html
    assert html.count("<img ") == 2
    assert "<h3>Plain (plain/seed1)</h3>" in html and "<h3>Wide (wide/seed0)</h3>" in html
    assert "first seed" in html


def test_groups_of_a_study_have_predictions_of_their_own(tmp_path):
    record = json.loads((study(tmp_path) / "record.json").read_text())
    for variant in record["config"]["variants"]:
        variant["group"] = f"of_{variant['name']}"
        for image in range(4):  # the other group has other images
            place = tmp_path / variant["name"] / "seed0" / "predictions"
            write_image(place / f"{variant['name']}{image}.png")
    (tmp_path / "record.json").write_text(json.dumps(record))
    html = predictions_section(read_subjects([tmp_path])).html
    headings = re.findall("<h3>(.*?)</h3>", html)
    assert [heading.split(", ")[1] for heading in headings] == ["of plain", "of wide"]
    for part, name in zip(html.split("<h3>")[1:], ("Plain", "Wide")):
        assert part.split("<details>")[0].count(f"<figcaption>{name}</figcaption>") == 3


def test_captioned_images_come_first_and_the_rest_by_their_names(tmp_path):
    section = images_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    first, second = Page(section.html).images
    assert first["alt"] == "Neighbours. The nearest <images>."
    assert second["alt"] == "patch pca." and second["width"] == "1600"  # of 1900
    assert "<h3>pretrain</h3>" in section.html and "<images>" not in section.html


@pytest.mark.parametrize("text", ["{", "[1]", '{"neighbours.png": 3}', '["neighbours.png"]'])
def test_captions_that_cannot_be_read_are_a_notice(tmp_path, text):
    (pipeline(tmp_path) / "pretrain" / "pictures" / "captions.json").write_text(text)
    section = images_section(read_subjects([tmp_path]))
    assert section.html.count("<img ") == 2
    assert "pictures/captions.json" in section.notices[0].text


def test_images_beyond_the_budget_are_counted_and_broken_ones_are_notices(tmp_path, monkeypatch):
    folder = pipeline(tmp_path) / "pretrain" / "pictures"
    (folder / "broken.png").write_bytes(b"x")
    monkeypatch.setattr(module, "_IMAGE_BYTES", 0)
    section = images_section(read_subjects([tmp_path]))
    assert "2 more images" in section.html
    assert "broken.png" in section.notices[0].text


def test_nothing_without_images(tmp_path):
    subjects = read_subjects([run(tmp_path)])
    assert predictions_section(subjects).html == images_section(subjects).html == ""
