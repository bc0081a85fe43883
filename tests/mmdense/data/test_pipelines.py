"""Properties of a data set config, also inside wrappers."""

import pytest

from mmdense.data.pipelines import gives_bgr, transforms_of, without_augmentation

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "mmpretrain.PackInputs"}
RESIZE, FLIP = {"type": "mmdet.Resize", "scale": 8}, {"type": "RandomFlip", "prob": 0.5}


def test_transforms_inside_others_and_data_sets_inside_wrappers():
    either = {"type": "RandomChoice", "transforms": [[FLIP], [RESIZE, FLIP]]}
    inner = [{"pipeline": [LOAD, either]}, {"dataset": {"pipeline": (PACK,)}}]
    assert list(transforms_of({"type": "Wrapper", "datasets": inner})) == [
        ["LoadImageFromFile", "RandomChoice", "RandomFlip", "Resize", "RandomFlip"],
        ["PackInputs"],
    ]


@pytest.mark.parametrize(
    ("pipeline", "bgr"),
    [([LOAD, PACK], True), ([LOAD, {"type": "mmdense.PackImage"}], False), ([PACK], False)],
)
def test_loaders_give_bgr_but_arrays_and_pack_image_give_rgb(pipeline, bgr):
    assert gives_bgr({"dataset": {"pipeline": pipeline}}) is bgr


def test_a_config_keeps_deterministic_transforms_and_packs_at_the_end():
    inner = {"type": "A", "pipeline": [LOAD, RESIZE, FLIP, PACK]}
    config = {
        "type": "W",
        "datasets": [inner, {"type": "B", "pipeline": [LOAD, FLIP]}, {"type": "C"}],
    }
    assert without_augmentation(config)["datasets"] == [
        {"type": "A", "pipeline": [LOAD, RESIZE, PACK]},
        {"type": "B", "pipeline": [LOAD, PACK]},
        {"type": "C"},
    ]
    assert inner["pipeline"] == [LOAD, RESIZE, FLIP, PACK]  # the given config is unchanged
