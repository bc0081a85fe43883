"""Cells lie where they should, and files stay small."""

import io

import numpy as np
import pytest
from PIL import Image

from mmdense.visual import grid
from mmdense.visual.grid import (
    GOOD,
    Cell,
    draw_grid,
    faded,
    fitted,
    font,
    frame,
    png_bytes,
    shorten,
)


def plain(height, width, colour=(10, 200, 30)):
    return np.full((height, width, 3), colour, np.uint8)


def test_cells_in_rows_and_columns_with_text():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    cells = [Cell(plain(40, 60, colour), ("some words",)) for colour in colours]
    sheet = np.asarray(draw_grid(cells, 2, ["left", "right"]))
    assert sheet.shape == (14 + 17 + 2 * (40 + 17 + 6) + 6, 14 + 60 + 6 + 60 + 14, 3)
    tops, lefts = (31, 31 + 63), (14, 80)
    for cell, (row, column) in zip(cells, ((0, 0), (0, 1), (1, 0))):
        place = sheet[tops[row] : tops[row] + 40, lefts[column] : lefts[column] + 60]
        assert (place == cell.image).all()
    assert (sheet[31 + 40 : 31 + 57, 14:74] < 128).any()  # words under the first
    assert (sheet[94:134, 80:] == 255).all()  # no fourth cell
    grouped = draw_grid(cells, 3, ["a", "b"])
    assert grouped.width == 14 + 60 + 6 + 60 + 22 + 60 + 14


def test_long_words_do_not_leave_their_cell():
    sheet = np.asarray(draw_grid([Cell(plain(20, 50), ("w" * 60,))], 1, ["h" * 60]))
    assert sheet.shape[1] == 14 + 50 + 14
    assert (sheet[:, -13:] == 255).all()


def test_long_names_lose_their_middle():
    short = shorten("n01440764_" + "tench" * 40 + "_0042.jpg", 150, font(11))
    assert short.startswith("n0144")
    assert short.endswith("0042.jpg")
    assert font(11).getlength(short) <= 150


def test_a_title_above_and_a_key_below():
    cells = [Cell(plain(40, 200))]
    bare = np.asarray(draw_grid(cells, 4))
    chips = [(f"name {n}", plain(14, 14, (200, 0, n))) for n in range(3)]
    sheet = np.asarray(draw_grid(cells, 1, title="a title", key=chips, least=100))
    assert bare.shape == (14 + 40 + 6 + 6, 14 + 200 + 14, 3)
    assert (sheet[14 + 19 + 16 :][:40, 14:214] == (10, 200, 30)).all()
    assert (sheet[14:33] < 128).any()
    key = sheet[14 + 19 + 16 + 40 + 6 :]
    assert [(key == (200, 0, n)).all(axis=2).sum() for n in range(3)] == [14 * 14] * 3
    assert draw_grid([Cell(plain(40, 20))], 1, least=100).width == 14 + 100 + 14


@pytest.mark.parametrize(("shape", "columns"), [((8, 6), 4), ((900, 1200), 4), ((500, 3000), 1)])
def test_images_fill_their_column_without_distortion(shape, columns):
    found = fitted(plain(*shape), columns)
    assert max(found.shape) <= 260
    assert columns * max(found.shape) <= 1600
    assert found.shape[1] / found.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.02)
    assert max(fitted(plain(*shape), 8).shape) <= 1600 / 8


def test_a_map_is_stretched_over_its_image_in_squares():
    plane = np.zeros((2, 3, 3), np.uint8)
    plane[1, 2] = 255
    found = fitted(plane, 6, like=(20, 30))
    assert found.shape == fitted(plain(20, 30), 6).shape
    assert set(np.unique(found)) == {0, 255}  # nothing in between
    assert (found == 255).mean() == pytest.approx(1 / 6, abs=0.01)


def test_faded_is_grey_and_pale_and_a_frame_lies_inside():
    pale = faded(plain(10, 12))
    assert (pale[..., 0] == pale[..., 2]).all()
    assert pale.min() > 115
    framed = frame(plain(10, 12), GOOD)
    assert (framed[:4] == GOOD).all()
    assert (framed[:, -4:] == GOOD).all()
    assert (framed[4:6, 4:8] == (10, 200, 30)).all()


def read_back(content):
    with Image.open(io.BytesIO(content)) as image:
        return image.mode, image.size, np.asarray(image.convert("RGB"))


def test_files_are_bounded(monkeypatch):
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 256, (100, 200, 3), dtype=np.uint8))
    mode, size, again = read_back(png_bytes(noise))
    assert (mode, size) == ("RGB", (200, 100))
    assert (again == np.asarray(noise)).all()
    monkeypatch.setattr(grid, "_BYTES", 30_000)  # a byte a pixel takes 20,000
    mode, size, _ = read_back(png_bytes(noise))
    assert (mode, size) == ("P", (200, 100))
    monkeypatch.setattr(grid, "_BYTES", 8_000)
    content = png_bytes(noise)
    assert len(content) <= 8_000
    assert read_back(content)[1][0] < 140
    assert content == png_bytes(noise)
    wide = Image.fromarray(plain(10, 3200))
    assert read_back(png_bytes(wide))[1] == (1600, 5)
