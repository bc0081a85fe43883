import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import mmpretrain.models  # noqa: F401
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

from mmdense.data.views import two_view_preprocessor
from mmdense.data.views.two_view_preprocessor import TwoViewPreprocessor

SETTING = dict(size=16, mean=(120, 110, 100), std=(60, 50, 40), to_rgb=True)


def batch(size=4):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (size, 3, 20, 20), generator=generator).to(torch.uint8)
    return dict(inputs=pixels, data_samples=[DataSample().set_gt_label(i) for i in range(size)])


def test_evaluation_gives_the_normalised_image_in_rgb():
    data = batch()
    result = TwoViewPreprocessor(**SETTING)(data)
    # channel 0 of the result is red, the last of the BGR input
    expected = (data["inputs"][:, 2].float() - 120) / 60
    torch.testing.assert_close(result["inputs"][:, 0], expected)
    assert [int(sample.gt_label) for sample in result["data_samples"]] == [0, 1, 2, 3]


def test_training_gives_two_views_that_repeat_under_the_seed(monkeypatch):
    preprocessor = TwoViewPreprocessor(**SETTING)

    def views(seed, rank=0):
        monkeypatch.setattr(two_view_preprocessor, "get_rank", lambda: rank)
        torch.manual_seed(seed)
        return preprocessor(batch(), training=True)["inputs"]

    first, second = views(7)
    assert first.shape == second.shape == (4, 3, 16, 16)
    assert not first.equal(second)
    assert views(7)[0].equal(first)
    assert not views(8)[0].equal(first)
    assert not views(7, rank=1)[0].equal(first)
    following = preprocessor(batch(), training=True)["inputs"]
    assert not following[0].equal(first)  # the next batch draws anew


def test_the_second_view_can_differ():
    setting = dict(SETTING, view=dict(gray_prob=0.0), second_view=dict(gray_prob=1.0))
    first, second = TwoViewPreprocessor(**setting).recipes
    assert (first.gray_prob, second.gray_prob) == (0.0, 1.0)


def test_images_of_one_size_are_a_batch_and_others_have_views():
    preprocessor = TwoViewPreprocessor(**SETTING)
    stacked = preprocessor(batch())["inputs"]
    assert preprocessor(dict(inputs=list(batch()["inputs"])))["inputs"].equal(stacked)
    mixed = [torch.zeros(3, 40, 40, dtype=torch.uint8), torch.zeros(3, 30, 50, dtype=torch.uint8)]
    views = preprocessor(dict(inputs=mixed), training=True)["inputs"]
    assert [view.shape for view in views] == [(2, 3, *preprocessor.recipes[0].size)] * 2
    with pytest.raises(ValueError, match=r"\[\(30, 50\), \(40, 40\)\] are not one batch"):
        preprocessor(dict(inputs=mixed))


def test_what_is_no_picture_is_refused():
    preprocessor = TwoViewPreprocessor(**SETTING)
    with pytest.raises(ValueError, match="need uint8"):
        preprocessor(dict(inputs=torch.zeros(2, 3, 4, 4)))
    with pytest.raises(TypeError, match="grey_prob"):
        TwoViewPreprocessor(**SETTING, view=dict(grey_prob=0.1))


def test_simsiam_of_mmpretrain_trains_with_it():
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(
            dict(
                type="SimSiam",
                data_preprocessor=dict(type="mmdense.TwoViewPreprocessor", **SETTING),
                backbone=dict(type="ResNet", depth=18, stem_channels=8, base_channels=8),
                neck=dict(
                    type="NonLinearNeck", in_channels=64, hid_channels=32, out_channels=32,
                    num_layers=2, with_avg_pool=True,
                ),
                head=dict(
                    type="LatentPredictHead",
                    loss=dict(type="CosineSimilarityLoss"),
                    predictor=dict(
                        type="NonLinearNeck", in_channels=32, hid_channels=8, out_channels=32,
                        with_avg_pool=False, with_last_bn=False,
                    ),
                ),
            )
        )  # fmt: skip
    data = model.data_preprocessor(batch(), training=True)
    loss = model(**data, mode="loss")["loss"]
    loss.backward()
    assert -1 <= loss.item() <= 1
    assert model.backbone.conv1.weight.grad.abs().sum() > 0
