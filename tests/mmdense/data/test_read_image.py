import io

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from mmdense.data.read_image import BrokenImageError, decode_image, read_image

H, W = 48, 64
ROWS, COLUMNS = np.mgrid[:H, :W]
RGB = np.stack([COLUMNS * 4, ROWS * 5, (ROWS + COLUMNS) * 2], -1).astype(np.uint8)
IMAGE = Image.fromarray(RGB)


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


NORMAL = {
    "jpeg": encode(IMAGE, "JPEG", quality=90),
    "progressive": encode(IMAGE, "JPEG", quality=90, progressive=True),
    "restart markers": encode(IMAGE, "JPEG", restart_marker_rows=1),
    "4:4:4": encode(IMAGE, "JPEG", subsampling=0),
    "comment": encode(IMAGE, "JPEG", comment=b"\xff\xd9" * 3, exif=exif(1)),
    "grey jpeg": encode(IMAGE.convert("L"), "JPEG"),
    "png": encode(IMAGE, "PNG"),
    "grey png": encode(IMAGE.convert("L"), "PNG"),
    "bmp": encode(IMAGE, "BMP"),
    "webp": encode(IMAGE, "WEBP"),
    "tiff": encode(IMAGE, "TIFF"),
    "palette tiff": encode(IMAGE.quantize(16), "TIFF"),
}


@pytest.mark.parametrize("color_type", ["color", "grayscale", "unchanged"])
@pytest.mark.parametrize("name", NORMAL)
def test_an_8_bit_image_equals_that_of_mmcv(name, color_type):
    ours = decode_image(NORMAL[name], name, color_type)
    upstream = mmcv.imfrombytes(NORMAL[name], flag=color_type)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, upstream)
    if color_type != "unchanged":
        assert ours.shape == ((H, W, 3) if color_type == "color" else (H, W))


def test_bytes_after_a_jpeg_are_ignored():
    for tail in (b"\0" * 999, b"a motion photo", NORMAL["png"]):
        ours = decode_image(NORMAL["jpeg"] + tail, "x.jpg")
        np.testing.assert_array_equal(ours, decode_image(NORMAL["jpeg"], "x.jpg"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"<html>404</html>" * 9, r"format .*b'<html>404</"),
        (NORMAL["jpeg"][:2], "format"),
        (NORMAL["jpeg"][:15], "the JPEG is truncated after 15 bytes"),
        (NORMAL["png"][:30], "the PNG is truncated after 30 bytes"),
        (NORMAL["png"][:-12], "the PNG is truncated"),  # without its IEND
        (NORMAL["png"][:60] + b"\x55" * 40 + NORMAL["png"][100:], "the PNG is damaged"),
        (NORMAL["jpeg"][:40] + NORMAL["jpeg"][-2:], "the JPEG is damaged"),  # no scan
        (NORMAL["jpeg"][:400] + b"\0" * 500, "the JPEG is truncated"),  # padded with zeros
        (NORMAL["bmp"][:3000], r"truncated or damaged \(3,000 bytes\)"),
        (NORMAL["tiff"][:3000], r"truncated or damaged \(3,000 bytes\)"),
    ],
)
def test_the_error_has_the_file_and_the_reason(content, reason, tmp_path):
    path = tmp_path / "broken.jpg"
    for missing in (path, tmp_path):
        with pytest.raises(BrokenImageError, match=rf"{missing}: no such file"):
            read_image(missing)
    path.write_bytes(content)
    with pytest.raises(BrokenImageError, match=rf"broken\.jpg: .*{reason}"):
        read_image(path)


@pytest.mark.parametrize("name", ["jpeg", "progressive", "restart markers", "grey jpeg", "png"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
def test_every_truncation_is_detected(name, share):
    whole = NORMAL[name]
    for content in (whole[: int(len(whole) * share)], whole[: -3 - int(10 * share)]):
        for short_side in (None, 20):
            with pytest.raises(BrokenImageError, match="truncated"):
                decode_image(content, "x", short_side=short_side)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation(kind, orientation):
    content = encode(IMAGE.convert("L"), kind, exif=exif(orientation))
    stored = decode_image(content, "x", "color_ignore_orientation")
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: np.rot90(stored, -1),  # 90 degrees clockwise
        7: stored[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(stored),
    }[orientation]
    np.testing.assert_array_equal(decode_image(content, "x"), turned)
    np.testing.assert_array_equal(decode_image(content, "x"), mmcv.imfrombytes(content))
    assert stored.shape == (H, W, 3)
    assert decode_image(content, "x", "unchanged").shape[:2] == (H, W)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_keep_the_high_byte(suffix, channels):
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)  # every high byte, 16 times
    content = cv2.imencode(suffix, np.dstack([values] * channels))[1].tobytes()
    image = decode_image(content, "x")
    assert image.dtype == np.uint8
    # 0x12F0 becomes 0x12: the low byte is dropped, not rounded.
    np.testing.assert_array_equal(image, np.dstack([values // 256] * 3))
    assert decode_image(content, "x", "unchanged").dtype == np.uint16


def test_alpha_is_dropped_and_a_palette_gives_its_colours():
    for mode, plain in (("RGBA", "RGB"), ("LA", "L")):
        image = IMAGE.convert(mode)
        image.putalpha(Image.fromarray((COLUMNS * 4).astype(np.uint8)))
        expected = decode_image(encode(IMAGE.convert(plain), "PNG"), "x")
        np.testing.assert_array_equal(decode_image(encode(image, "PNG"), "x"), expected)
    image = IMAGE.quantize(16)
    for options in ({}, {"transparency": 3}):
        ours = decode_image(encode(image, "PNG", **options), "x")
        np.testing.assert_array_equal(ours[..., ::-1], np.asarray(image.convert("RGB")))


def test_cmyk_jpeg_has_the_colours_of_its_inks():
    # Inks c, m, y of 255 - value without black give the colours of the RGB image.
    content = encode(IMAGE.convert("CMYK"), "JPEG", quality=98, subsampling=0)
    ours = decode_image(content, "x")[..., ::-1].astype(int)
    assert np.abs(ours - RGB).mean() < 2
    black = encode(Image.new("CMYK", (W, H), (0, 0, 0, 255)), "JPEG")
    assert decode_image(black, "x").max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_a_format_without_a_standard_range_is_an_error(kind):
    content = cv2.imencode(".tiff", RGB.astype(kind))[1].tobytes()
    with pytest.raises(BrokenImageError, match=rf"x\.tiff: .*{kind.__name__}"):
        decode_image(content, "x.tiff")
    assert decode_image(content, "x.tiff", "unchanged").dtype == kind


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((400, 300), 150, (200, 150)),
        ((400, 300), 151, (400, 300)),
        ((801, 1201), 100, (101, 151)),  # by 8, rounded up
        ((64, 2000), 16, (16, 500)),
    ],
)
def test_a_large_jpeg_is_decoded_at_a_reduced_scale(size, short_side, expected):
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    image = np.stack([rows % 256, columns % 256, 0 * rows + 99], axis=2) // 2 + 60
    content = cv2.imencode(".jpg", cv2.blur(image.astype(np.uint8), (9, 9)))[1].tobytes()
    small = decode_image(content, "a.jpg", short_side=short_side)
    assert small.shape == (*expected, 3)
    whole = cv2.resize(decode_image(content, "a.jpg"), expected[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(whole.astype(int) - small).mean() < 3
    grey = decode_image(content, "a.jpg", "grayscale", short_side=short_side)
    assert grey.shape == expected
    png = cv2.imencode(".png", image)[1].tobytes()
    assert decode_image(png, "a.png", short_side=short_side).shape[:2] == size
