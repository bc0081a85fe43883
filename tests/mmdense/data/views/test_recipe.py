import pytest

from mmdense.data.views.recipe import ViewRecipe


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (dict(flip_prob=1.2), "flip_prob"),
        (dict(hue=0.6), "hue"),
        (dict(crop_scale=(0.5, 0.2)), "crop_scale"),
        (dict(crop_scale=(0.5, 1.2)), "crop_scale"),
        (dict(brightness=-1), "brightness"),
        (dict(blur_sigma=(0.0, 1.0)), "blur_sigma"),
        (dict(size=(0, 4)), "size"),
    ],
)
def test_a_wrong_recipe_names_its_key(wrong, word):
    with pytest.raises(ValueError, match=word):
        ViewRecipe(**{"size": (8, 8), **wrong})
