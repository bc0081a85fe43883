import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import pytest
import torch
from mmpretrain.structures import DataSample

from mmdense.data.views import multi_view_preprocessor
from mmdense.data.views.multi_view_preprocessor import MultiViewPreprocessor

NORMAL = dict(mean=(120, 110, 100), std=(60, 50, 40), to_rgb=True)
SETTING = dict(NORMAL, views=[dict(num=2, size=16)])


def batch(size=4):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (size, 3, 20, 20), generator=generator).to(torch.uint8)
    return dict(inputs=pixels, data_samples=[DataSample().set_gt_label(i) for i in range(size)])


def test_evaluation_gives_the_normalised_image_in_rgb():
    data = batch()
    result = MultiViewPreprocessor(**SETTING)(data)
    # Channel 0 of the result is red, the last channel of the BGR input.
    expected = (data["inputs"][:, 2].float() - 120) / 60
    torch.testing.assert_close(result["inputs"][:, 0], expected)
    assert [int(sample.gt_label) for sample in result["data_samples"]] == [0, 1, 2, 3]


def test_training_gives_two_views_that_the_seed_reproduces(monkeypatch):
    preprocessor = MultiViewPreprocessor(**SETTING)

    def views(seed, rank=0):
        monkeypatch.setattr(multi_view_preprocessor, "get_rank", lambda: rank)
        torch.manual_seed(seed)
        return preprocessor(batch(), training=True)["inputs"]

    first, second = views(7)
    assert first.shape == second.shape == (4, 3, 16, 16)
    assert not first.equal(second)
    assert views(7)[0].equal(first)
    assert not views(8)[0].equal(first)
    assert not views(7, rank=1)[0].equal(first)
    following = preprocessor(batch(), training=True)["inputs"]
    assert not following[0].equal(first)  # the next batch draws other views


def test_groups_differ_in_number_size_and_distribution():
    plain = dict(jitter_prob=0.0, blur_prob=0.0, crop_scale=(1, 1), crop_ratio=(1, 1), flip_prob=0)
    views = [
        dict(size=20, gray_prob=0.0),
        dict(size=20, gray_prob=1.0, solarize_prob=1.0),
        dict(size=(4, 6), num=3),
    ]
    preprocessor = MultiViewPreprocessor(**NORMAL, views=views, common=plain)
    made = preprocessor(batch(), training=True)["inputs"]
    assert [tuple(view.shape[2:]) for view in made] == [(20, 20)] * 2 + [(4, 6)] * 3
    pixels = [view * preprocessor.std + preprocessor.mean for view in made]
    rgb = batch()["inputs"].flip(1) / 255
    torch.testing.assert_close(pixels[0], rgb)  # the whole image, unchanged
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1)
    inverted = torch.where(gray >= 128 / 255, 1 - gray, gray)
    sure = (gray - 128 / 255).abs() > 0.01
    torch.testing.assert_close(pixels[1][:, 0][sure], inverted[sure], atol=0.01, rtol=0)


def test_images_of_one_size_are_a_batch_and_others_only_have_views():
    preprocessor = MultiViewPreprocessor(**SETTING)
    stacked = preprocessor(batch())["inputs"]
    assert preprocessor(dict(inputs=list(batch()["inputs"])))["inputs"].equal(stacked)
    mixed = [torch.zeros(3, 40, 40, dtype=torch.uint8), torch.zeros(3, 30, 50, dtype=torch.uint8)]
    views = preprocessor(dict(inputs=mixed), training=True)["inputs"]
    assert [view.shape for view in views] == [(2, 3, 16, 16)] * 2
    with pytest.raises(ValueError, match=r"\[\(30, 50\), \(40, 40\)\]"):
        preprocessor(dict(inputs=mixed))
    with pytest.raises(ValueError, match="float32.* uint8"):
        preprocessor(dict(inputs=torch.zeros(2, 3, 4, 4)))


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([], r"views=\[\]"),
        (dict(size=8), "views={'size': 8}"),
        ([dict(size=8), dict(num=2)], r"views\[1\]: .*size"),
        ([dict(size=8), dict(size=8, grey_prob=0.1)], r"views\[1\]: .*grey_prob"),
        ([dict(size=8, num=0)], "num=0"),
        ([dict(size=(0, 4))], "size"),
        ([dict(size=8, flip_prob=1.2)], "flip_prob"),
        ([dict(size=8, hue=0.6)], "hue"),
        ([dict(size=8, crop_scale=(0.5, 0.2))], "crop_scale"),
        ([dict(size=8, crop_scale=(0.5, 1.2))], "crop_scale"),
        ([dict(size=8, brightness=-1)], "brightness"),
        ([dict(size=8, blur_sigma=(0.0, 1.0))], "blur_sigma"),
    ],
)
def test_the_error_names_the_group_and_the_key(views, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MultiViewPreprocessor(**NORMAL, views=views)
