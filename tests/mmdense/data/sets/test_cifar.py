import hashlib
import io
import pickle

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100

from mmdense.data.sets import cifar
from mmdense.data.sets.source import find_root

ROWS = 3  # images in each batch file


def planes(seed):
    return np.random.default_rng(seed).integers(0, 256, (ROWS, 3072), dtype=np.uint8)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def dump(**entries):
    """Return rows as in the published files."""
    return pickle.dumps(entries, protocol=2)


def declare(monkeypatch, dataset, root):
    """Set the MD5 of the files in a folder in torchvision's class."""

    def md5(name):
        return hashlib.md5((root / name).read_bytes()).hexdigest()

    for key in ("train_list", "test_list"):
        listed = [[name, md5(name)] for name, _ in getattr(dataset, key)]
        monkeypatch.setattr(dataset, key, listed)
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": md5(dataset.meta["filename"])})


@pytest.fixture
def pickles(tmp_path, monkeypatch):
    root = tmp_path / "cifar-10-batches-py"
    for i in range(1, 6):
        write(root, f"data_batch_{i}", dump(data=planes(i), labels=[i, i + 1, i + 2]))
    write(root, "test_batch", dump(data=planes(9), labels=[0, 1, 2]))
    write(root, "batches.meta", dump(label_names=["airplane", "automobile"]))
    declare(monkeypatch, CIFAR10, root)
    return tmp_path


def convert(spec, path, target, title):
    target.mkdir()
    (form,) = (form for form in spec.formats if form.title == title)
    return form.convert(find_root(path, form.marker), target)


def check(target):
    images = np.load(target / "train_images.npy")
    labels = np.load(target / "train_labels.npy")
    assert images.shape == (5 * ROWS, 32, 32, 3)
    assert images.dtype == np.uint8
    assert labels.tolist() == [i + k for i in range(1, 6) for k in range(3)]
    assert labels.dtype == np.int64
    # Row 1 of batch 2: red plane, green plane, blue plane, each in row order.
    row = planes(2)[1]
    assert images[ROWS + 1, 4, 7].tolist() == [row[c * 1024 + 4 * 32 + 7] for c in range(3)]
    assert np.load(target / "test_labels.npy").tolist() == [0, 1, 2]
    assert cifar.CIFAR10_SOURCE.count(target) == {"train": 15, "test": 3}
    assert (target / "classes.txt").read_text().split() == ["airplane", "automobile"]


def test_python_version_and_a_pickle_with_another_md5(pickles, tmp_path, capsys):
    title = "publisher's Python version"
    assert convert(cifar.CIFAR10_SOURCE, pickles, tmp_path / "a", title) == {"encoding": "original"}
    check(tmp_path / "a")
    hostile = b"cbuiltins\nprint\n(S'this must not run'\ntR."
    write(pickles / "cifar-10-batches-py", "data_batch_1", hostile)
    with pytest.raises(ValueError, match="data_batch_1 .*MD5"):
        convert(cifar.CIFAR10_SOURCE, pickles, tmp_path / "b", title)
    assert "must not run" not in capsys.readouterr().out


def test_binary_version(tmp_path):
    root = tmp_path / "cifar-10-batches-bin"

    def rows(seed, labels):
        return np.hstack([np.array(labels, np.uint8)[:, None], planes(seed)]).tobytes()

    for i in range(1, 6):
        write(root, f"data_batch_{i}.bin", rows(i, [i, i + 1, i + 2]))
    write(root, "test_batch.bin", rows(9, [0, 1, 2]))
    write(root, "batches.meta.txt", b"airplane\nautomobile\n\n")
    title = "publisher's binary version"
    convert(cifar.CIFAR10_SOURCE, tmp_path, tmp_path / "a", title)
    check(tmp_path / "a")
    write(root, "data_batch_3.bin", rows(3, [1, 2, 3])[:-1])
    with pytest.raises(ValueError, match=r"data_batch_3\.bin.* 3073"):
        convert(cifar.CIFAR10_SOURCE, tmp_path, tmp_path / "b", title)


def test_cifar100_uses_the_fine_labels(tmp_path, monkeypatch):
    root = tmp_path / "cifar-100-python"
    for split, seed in (("train", 1), ("test", 2)):
        batch = dump(data=planes(seed), fine_labels=[70, 80, 90], coarse_labels=[1, 2, 3])
        write(root, split, batch)
    write(root, "meta", dump(fine_label_names=["apple", "bear"], coarse_label_names=["fish"]))
    declare(monkeypatch, CIFAR100, root)
    convert(cifar.CIFAR100_SOURCE, tmp_path, tmp_path / "a", "publisher's Python version")
    assert np.load(tmp_path / "a" / "train_labels.npy").tolist() == [70, 80, 90]
    assert (tmp_path / "a" / "classes.txt").read_text().split() == ["apple", "bear"]

    binary = tmp_path / "cifar-100-binary"
    labels = np.array([[1, 70], [2, 80], [3, 90]], np.uint8)  # coarse, fine
    write(binary, "train.bin", np.hstack([labels, planes(1)]).tobytes())
    write(binary, "test.bin", np.hstack([labels, planes(2)]).tobytes())
    write(binary, "fine_label_names.txt", b"apple\nbear\n")
    convert(cifar.CIFAR100_SOURCE, binary, tmp_path / "b", "publisher's binary version")
    for file in ("train_images.npy", "train_labels.npy", "test_images.npy"):
        a, b = np.load(tmp_path / "a" / file), np.load(tmp_path / "b" / file)
        assert np.array_equal(a, b)


def test_jpegs_are_rgb_and_sorted_by_class(tmp_path):
    for split in ("train", "test"):
        for label, name in enumerate(cifar.CIFAR10_CLASSES):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), (250, 10 * label, 0)).save(buffer, "JPEG", quality=95)
            write(tmp_path / "cifar10" / split / name, "0000.jpg", buffer.getvalue())
    notes = convert(cifar.CIFAR10_SOURCE, tmp_path, tmp_path / "a", "JPEG")
    assert notes == {"encoding": "JPEG"}
    images = np.load(tmp_path / "a" / "train_images.npy")
    assert np.load(tmp_path / "a" / "train_labels.npy").tolist() == list(range(10))
    for label in range(10):
        expected = np.array([250, 10 * label, 0])
        assert np.abs(images[label].astype(int) - expected).max() < 6
    write(tmp_path / "cifar10" / "train" / "dog", "0001.jpg", b"no image")
    with pytest.raises(ValueError, match=r"dog/0001\.jpg"):
        convert(cifar.CIFAR10_SOURCE, tmp_path, tmp_path / "b", "JPEG")
