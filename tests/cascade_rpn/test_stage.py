from tests.cascade_rpn.small_head import build_head, stage


def test_weights_start_as_published_and_learned_offsets_at_zero():
    head = build_head([stage("none", False), stage("learned")], std=1.0)
    head.init_weights()
    for name, parameter in head.named_parameters():
        if parameter.ndim == 1 or "offset" in name:
            assert (parameter == 0).all(), name
        else:
            assert 0.005 < parameter.std() < 0.015, name
