import numpy as np
import pytest

from mmdense.data.sets import stl10

NUMBERS = {"train": 6, "test": 3, "unlabeled": 5}
NAMES = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]


def pixels(split):
    """Return the bytes of one split as published: [N, channel, column, row]."""
    generator = np.random.default_rng(len(split))
    return generator.integers(0, 256, (NUMBERS[split], 3, 96, 96), dtype=np.uint8)


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "from"
    folder.mkdir()
    for split in NUMBERS:
        (folder / f"{split}_X.bin").write_bytes(pixels(split).tobytes())
    (folder / "train_y.bin").write_bytes(bytes([1, 10, 2, 3, 3, 9]))
    (folder / "test_y.bin").write_bytes(bytes([10, 1, 5]))
    (folder / "fold_indices.txt").write_text("0 2 4 \n5 3 1 \n")
    (folder / "class_names.txt").write_text("\n".join(NAMES) + "\n")
    return folder


def test_columns_become_rows(published, tmp_path):
    target = tmp_path / "made"
    target.mkdir()
    assert stl10.from_binary(published, target) == {"encoding": "original"}
    assert stl10.SOURCE.count(target) == {"train": 6, "test": 3, "unlabelled": 5}
    for split, file in stl10.FILES.items():
        images = np.load(target / f"{split}_images.npy")
        assert images.shape == (NUMBERS[file], 96, 96, 3)
        # Byte c * 9216 + x * 96 + y of an image is channel c at row y, column x.
        raw = pixels(file).reshape(NUMBERS[file], -1)
        for n, y, x, c in ((0, 5, 70, 0), (2, 95, 0, 1), (NUMBERS[file] - 1, 0, 95, 2)):
            assert images[n, y, x, c] == raw[n, c * 9216 + x * 96 + y]
    assert np.load(target / "train_labels.npy").tolist() == [0, 9, 1, 2, 2, 8]
    assert np.load(target / "test_labels.npy").tolist() == [9, 0, 4]
    assert not (target / "unlabelled_labels.npy").exists()
    assert np.load(target / "folds.npy").tolist() == [[0, 2, 4], [5, 3, 1]]
    assert (target / "classes.txt").read_text().split() == NAMES


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("unlabeled_X.bin", b"1" * (27648 + 1), r"unlabeled_X\.bin has 27649 bytes"),
        ("test_X.bin", b"", r"test_X\.bin has 0 bytes"),
        ("train_y.bin", bytes([1, 2, 3]), r"train_y\.bin has 3 labels for 6 images"),
        ("test_y.bin", bytes([1, 2, 0]), r"test_y\.bin has the labels 0 to 2, not 1 to 10"),
        ("test_y.bin", bytes([1, 2, 11]), r"test_y\.bin has the labels 1 to 11"),
        ("fold_indices.txt", b"0 1\n2\n", r"fold_indices\.txt"),
        ("fold_indices.txt", b"0 6\n", r"fold_indices\.txt has no folds of indices from 0 to 5"),
        ("fold_indices.txt", b"", r"fold_indices\.txt has no folds"),
        ("class_names.txt", b"cat\n", r"class_names\.txt has 1 names, not 10"),
    ],
)
def test_the_error_names_a_damaged_file(file, content, message, published, tmp_path):
    (published / file).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        stl10.from_binary(published, tmp_path)
