"""Every head under autocast and in two processes: losses, gradients and running statistics."""

import pytest
import torch
import torch.distributed as dist
from mmengine.structures import BaseDataElement
from torch import nn

from tests.simsiam_decomp.small_views import build
from tests.two_processes import in_two_processes

FC = {"type": "mmdense.AffinePredictor", "channels": 6, "layers": ("fc", "bias")}
CUT = {"type": "mmdense.ComponentCutHead", "centre_weight": 0.7, "residual_weight": 0.4}
LOSSES = ("NegativeCosine", "Centre", "Decorrelation", "Uniformity", "Alignment", "VICReg")
HEADS = {
    "naive": {"type": "mmdense.NaiveSiameseHead"},
    "symmetric": {"type": "mmdense.SymmetricPredictorHead", "predictor": FC},
    "simsiam": {"type": "mmdense.SimSiamHead", "predictor": FC},
    "mirror": {"type": "mmdense.MirrorSimSiamHead", "predictor": FC},
    "inverse": {"type": "mmdense.InversePredictorHead", "predictor": FC},
    "direct": {
        "type": "mmdense.SimSiamHead",
        "predictor": {"type": "mmdense.DirectPredictor", "channels": 6, "copy": True},
    },
    "expectation": {"type": "mmdense.SameBatchExpectationHead"},
    "average": {"type": "mmdense.MovingAverageHead", "num_images": 7, "channels": 6},
    "triplet": {"type": "mmdense.TripletHead"},
    "infonce": {"type": "mmdense.InfoNCEHead"},
    "dual": {"type": "mmdense.DualTemperatureHead"},
    **{
        f"cut_{method}_{centre}": {
            **CUT,
            "method": method,
            "centre": centre,
            **(
                {"predictor": FC, "predictor_loss": True} if method in ("simsiam", "mirror") else {}
            ),
        }
        for method in ("simsiam", "mirror", "triplet", "infonce")
        for centre in ("ranks", "views", "ema")
    },
    "sum": {
        "type": "mmdense.LossSumHead",
        "losses": [{"type": f"mmdense.{name}Loss"} for name in LOSSES],
    },
}


class Model(nn.Module):
    """DDP wants the losses from ``forward``."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = nn.Linear(4, 6), head

    def forward(self, views, samples):
        return self.head.loss([self.encoder(view) for view in views], samples)


def measure(config: dict, *, amp: bool = False) -> dict[str, torch.Tensor]:
    """Losses, gradients and buffers after one step.

    The first of two processes has 5 of the images, the other 2.
    """
    model = Model(build(config))
    image = torch.randn(7, 4)
    number = 4 if "Expectation" in config["type"] else 2
    views = [image + 0.5 * torch.randn(7, 4) + 0.3 for _ in range(number)]
    samples = [BaseDataElement(metainfo={"sample_idx": index}) for index in range(7)]
    wrapped = model
    if dist.is_initialized():
        own = slice(0, 5) if dist.get_rank() == 0 else slice(5, 7)
        views, samples = [view[own] for view in views], samples[own]
        wrapped = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    torch.manual_seed(5)  # for negatives at random
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        losses = wrapped(views, samples)
    sum(losses.values()).backward()
    found = {name: value.detach() for name, value in losses.items()}
    found |= {f"d {name}": weight.grad for name, weight in model.named_parameters()}
    return found | dict(model.named_buffers())


def measure_all() -> dict[str, dict[str, torch.Tensor]]:
    return {name: measure(config) for name, config in HEADS.items()}


@pytest.mark.parametrize("name", HEADS)
def test_under_autocast_losses_are_float32_and_close(name):
    exact, coarse = (measure(HEADS[name], amp=amp) for amp in (False, True))
    for key, value in coarse.items():
        assert value.dtype == exact[key].dtype, key
        if "loss" in key.split("_")[0]:
            assert value.dtype == torch.float32
            assert float(value) == pytest.approx(float(exact[key]), rel=0.03, abs=0.03), key
    key = "d encoder.weight"
    assert torch.cosine_similarity(coarse[key].flatten(), exact[key].flatten(), 0) > 0.99


def test_two_processes_with_uneven_batches_equal_one(tmp_path):
    one, (two, _) = measure_all(), in_two_processes(measure_all, tmp_path)
    assert len(one) == 24
    assert one.keys() == two.keys()
    for head, expected in one.items():
        assert expected.keys() == two[head].keys()
        for name, value in expected.items():
            message = f"{head}: {name}"
            torch.testing.assert_close(two[head][name], value, rtol=1e-4, atol=1e-6, msg=message)
