"""Every image once and in order, whatever the config's own sampler does."""

import pytest

from mmdense.evaluation.clean_loaders import build_clean_loaders, with_images_of
from tests.mmdense.evaluation.tiny_siamese import Colours, loader


def labels_of(data_loader):
    return [int(sample.gt_label) for batch in data_loader for sample in batch["data_samples"]]


def test_all_images_in_order():
    shuffled = loader({"type": Colours, "size": 11}, batch_size=4, drop_last=True)
    endless = {
        **loader({"type": Colours, "size": 7}, batch_size=2),
        "sampler": {"type": "InfiniteSampler"},
        "batch_sampler": {"type": "a batch sampler that is never built"},
        "num_batch_per_epoch": 1,
    }
    train, test = build_clean_loaders(shuffled, endless, where="here", seed=0)
    assert labels_of(train) == [index % 3 for index in range(11)]
    assert labels_of(test) == [index % 3 for index in range(7)]


def test_the_pipeline_of_the_test_images():
    test = {"batch_size": 9, "dataset": {"type": "A", "root": "test", "pipeline": ["clean"]}}
    train = {"batch_size": 2, "dataset": {"type": "A", "root": "train", "pipeline": ["views"]}}
    images = {"type": "A", "root": "train", "pipeline": ["clean"]}
    assert with_images_of(test, train, where="") == {"batch_size": 9, "dataset": images}
    few = {"type": "mmdense.FewLabels", "percent": 5, "dataset": train["dataset"]}
    found = with_images_of(test, {**train, "dataset": few}, where="")["dataset"]
    assert found == {"type": "mmdense.FewLabels", "percent": 5, "dataset": images}
    bare = {**test, "dataset": {"type": "A"}}
    assert "pipeline" not in with_images_of(bare, train, where="")["dataset"]


def test_a_wrapper_is_refused():
    wrapper = {"dataset": {"type": "ConcatDataset", "datasets": []}}
    plain = {"dataset": {"type": "A"}}
    with pytest.raises(ValueError, match="here: train_dataloader.dataset is the wrapper Concat"):
        with_images_of(plain, wrapper, where="here")
    with pytest.raises(ValueError, match="here: test_dataloader.dataset is the wrapper Concat"):
        with_images_of(wrapper, plain, where="here")


def test_different_classes_are_refused():
    class Others(Colours):
        def __init__(self):
            super().__init__()
            self.metainfo = {"classes": ("cat", "dog")}

    with pytest.raises(ValueError, match=r"here: .* different classes, \('red'.*\('cat'"):
        build_clean_loaders(
            loader({"type": Colours}), loader({"type": Others}), where="here", seed=0
        )
