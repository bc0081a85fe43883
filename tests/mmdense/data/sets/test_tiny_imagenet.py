import io

import pytest
from PIL import Image

from mmdense.data.sets import tiny_imagenet

WNIDS = ("n02124075", "n01443537", "n04067472")  # in the published order, not sorted


def jpeg(mode="RGB"):
    buffer = io.BytesIO()
    Image.new(mode, (64, 64)).save(buffer, "JPEG")
    return buffer.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def published(tmp_path):
    """Return three classes with two train images and a val image each, and two test images."""
    root = tmp_path / "tiny-imagenet-200"
    for wnid in WNIDS:
        for i in range(2):
            write(root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", jpeg())
        write(root / "train" / wnid / f"{wnid}_boxes.txt", b"boxes are not read")
    lines = ""
    for i, wnid in enumerate(WNIDS):
        write(root / "val" / "images" / f"val_{i}.JPEG", jpeg("L"))
        lines += f"val_{i}.JPEG\t{wnid}\t0\t32\t44\t62\n"
    write(root / "val" / "val_annotations.txt", lines.encode())
    for i in range(2):
        write(root / "test" / "images" / f"test_{i}.JPEG", jpeg())
    write(root / "wnids.txt", "\n".join(WNIDS).encode() + b"\n")
    words = "n00001740\tentity\nn02124075\tEgyptian cat\nn01443537\tgoldfish, Carassius auratus\n"
    write(root / "words.txt", words.encode() + b"n04067472\treel\n")
    return root


def test_train_and_val_have_one_folder_per_class(published, tmp_path):
    target = tmp_path / "made"
    assert tiny_imagenet.from_publisher(published, target) == {"classes": 3}
    assert tiny_imagenet.SOURCE.count(target) == {"train": 6, "val": 3, "test": 2}
    for i, wnid in enumerate(WNIDS):
        assert {p.name for p in (target / "train" / wnid).iterdir()} == {
            f"{wnid}_0.JPEG",
            f"{wnid}_1.JPEG",
        }
        assert [p.name for p in (target / "val" / wnid).iterdir()] == [f"val_{i}.JPEG"]
    copy = (target / "test" / "test_1.JPEG").read_bytes()
    assert copy == (published / "test" / "images" / "test_1.JPEG").read_bytes()
    assert (target / "classes.txt").read_text().splitlines() == [
        "n01443537\tgoldfish, Carassius auratus",
        "n02124075\tEgyptian cat",
        "n04067472\treel",
    ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("words.txt", b"n02124075\tEgyptian cat\n", r"words\.txt has no n01443537, n04067472"),
        ("val/val_annotations.txt", b"val_0.JPEG\n", r"line 1 of .*val_annotations\.txt"),
        ("val/val_annotations.txt", b"../x.JPEG\tn02124075\n", "line 1 of "),
        ("val/val_annotations.txt", b"val_0.JPEG\tn9\t0\n", r"gives val_0\.JPEG the class 'n9'"),
        ("val/val_annotations.txt", b"val_9.JPEG\tn02124075\n", r"val_9\.JPEG"),
        ("train/n02124075/images/n02124075_1.JPEG", b"GIF89a", r"_1\.JPEG is not a JPEG"),
    ],
)
def test_the_error_names_a_damaged_file(file, content, message, published, tmp_path):
    (published / file).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tiny_imagenet.from_publisher(published, tmp_path / "made")
