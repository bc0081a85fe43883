import numpy as np
import pytest

from mmdense.data.collage.photos import _GREY, PHOTOS, load_photo, random_colour, random_crop
from mmdense.data.collage.split import SPLITS, SplitSampler


def test_each_photo_is_in_the_wheel_and_belongs_to_one_split():
    names = [name for split in SPLITS for name in PHOTOS[split]]
    assert set(PHOTOS) == set(SPLITS)
    assert len(names) == len(set(names))
    for name in names:
        photo = load_photo(name)
        assert photo.dtype == np.uint8
        assert photo.shape[2] == 3
        assert min(photo.shape[:2]) >= 300
        assert (name in _GREY) == (photo == photo[..., :1]).all()
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        load_photo("nowhere.png")


def test_rgb_order():
    """The suit of the astronaut is orange: red > green > blue."""
    suit = load_photo("astronaut.png")[300:400, 120:180].reshape(-1, 3).mean(axis=0)
    assert suit[0] > suit[1] > suit[2]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 300), (300, 7), (480, 640)])
def test_a_crop_has_the_given_size(split, height, width):
    sampler = SplitSampler(np.random.default_rng(1), split)
    for _ in range(10):
        crop = random_crop(sampler, height=height, width=width)
        assert crop.shape == (height, width, 3)
        assert crop.dtype == np.float32
        assert 0 <= crop.min() <= crop.max() <= 255.01


def test_colours_are_between_dark_and_bright():
    sampler = SplitSampler(np.random.default_rng(2), "train")
    brightest = [random_colour(sampler, dark=0.2, bright=0.5).max() / 255 for _ in range(200)]
    assert 0.2 <= min(brightest) <= max(brightest) <= 0.5
