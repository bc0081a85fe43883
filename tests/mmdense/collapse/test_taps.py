"""Parts of a model, and their outputs in a step."""

import pytest
import torch
from torch import nn

from mmdense.collapse.taps import Tap, as_vectors, find_parts, last_free_norm, split_views


class Model(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def test_parts_by_their_usual_names():
    head = Model(predictor=nn.Linear(2, 2))
    model = Model(backbone=nn.Linear(2, 2), neck=nn.Linear(2, 2), head=head)
    parts = find_parts(model)
    assert parts.projector is model.neck
    assert parts.predictor is head.predictor
    assert (parts.layout, parts.encoder_only) == ("calls", False)
    assert find_parts(Model(backbone=nn.Linear(2, 2))).encoder_only


def test_parts_by_any_name():
    model = Model(student=Model(body=nn.Linear(2, 2), top=nn.Linear(2, 2)))
    names = {"backbone": "student.body", "projector": "student.top"}
    parts = find_parts(model, layout="interleaved", **names)
    assert parts.backbone is model.student.body
    assert parts.projector is model.student.top
    assert parts.predictor is None
    assert parts.layout == "interleaved"


@pytest.mark.parametrize("role", ["backbone", "projector", "predictor"])
def test_a_missing_module_is_an_error_that_lists_the_others(role):
    model = Model(backbone=nn.Linear(2, 2), neck=nn.Sequential(nn.Linear(2, 2)))
    expected = f"{role}='nock': Model has no such module; it has backbone, neck, neck.0"
    with pytest.raises(ValueError, match=expected):
        find_parts(model, **{role: "nock"})


def test_vectors_of_maps_tokens_and_tuples():
    maps = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert torch.equal(as_vectors((None, maps), of="backbone"), maps.mean(dim=(2, 3)))
    tokens = torch.rand(2, 5, 3)
    assert torch.equal(as_vectors((tokens, "mask"), of="backbone", first=True), tokens.mean(dim=1))
    assert as_vectors(maps[:, :, 0, 0], of="backbone").shape == (2, 3)
    for wrong, found in ((torch.zeros(3), r"shape \(3,\)"), ("text", "str")):
        with pytest.raises(ValueError, match=f"the projector returned {found}, expected"):
            as_vectors(wrong, of="projector")


def test_layouts_of_views():
    a, b = torch.rand(3, 4), torch.rand(3, 4)
    for layout, outputs in (
        ("calls", [a, b]),
        ("concatenated", [torch.cat([a, b])]),
        ("interleaved", [torch.stack([a, b], dim=1).flatten(0, 1)]),
    ):
        found = split_views(outputs, layout, 3)
        assert torch.equal(found[0], a), layout
        assert torch.equal(found[1], b), layout
    with pytest.raises(ValueError, match=r"a multiple of 4 rows, found \[6\]"):
        split_views([torch.cat([a, b])], "concatenated", 4)
    with pytest.raises(ValueError, match=r"found \[3, 3\]"):
        split_views([a, b], "interleaved", 3)


def test_tap_keeps_calls_and_their_gradients():
    module = nn.Linear(2, 2)
    tap = Tap(module, "projector")
    tap.with_gradients = True
    x = torch.rand(3, 2)
    outputs = [module(x), module(x + 1)]
    (2 * outputs[0].sum() + 3 * outputs[1].sum()).backward()
    assert [bool((g == k).all()) for g, k in zip(tap.gradients, (2, 3), strict=True)] == [True] * 2
    assert torch.equal(tap.outputs[1], outputs[1])
    assert not tap.outputs[0].requires_grad
    tap.clear()
    tap.with_gradients = False
    module(x).sum().backward()
    assert tap.gradients == [None]
    module.eval()
    module(x)
    assert len(tap.outputs) == 1
    tap.close()
    module.train()
    module(x)
    assert tap.outputs == []


def test_tap_of_inputs_in_eval_mode():
    module = nn.BatchNorm1d(2)
    tap = Tap(module, "projector", inputs=True, in_training=False)
    x = torch.rand(3, 2)
    module(x + 1)
    module.eval()
    module(x)
    assert len(tap.outputs) == 1 and torch.equal(tap.outputs[0], x)


def test_a_call_made_again_in_the_backward_pass_is_no_call():
    from torch.utils.checkpoint import checkpoint

    module = nn.Linear(2, 2)
    tap = Tap(module, "projector")
    checkpoint(module, torch.rand(3, 2, requires_grad=True), use_reentrant=False).sum().backward()
    assert len(tap.outputs) == 1


def test_last_norm():
    free = nn.BatchNorm1d(4, affine=False)
    assert last_free_norm(nn.Sequential(nn.Linear(2, 4), free)) is free
    assert last_free_norm(nn.Sequential(nn.Linear(2, 4), free, nn.Identity())) is free
    assert last_free_norm(nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))) is None
    assert last_free_norm(nn.Sequential(free, nn.Linear(4, 4))) is None
    assert last_free_norm(nn.Identity()) is None
