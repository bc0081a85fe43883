"""The collapse monitor over two processes, and on MMPretrain's own configs."""

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from mmdense.collapse.history import read_history
from mmdense.collapse.monitor import STEP, Monitor
from mmdense.ssl.gather import mean_over_ranks
from tests.two_processes import in_two_processes

ROOT = Path(__file__).resolve().parents[1]


class Siamese(nn.Module):
    """Two linear layers, a predictor and SimSiam's loss, a mean over the images of all."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck, self.head = nn.Linear(4, 6), nn.Linear(6, 6), nn.Module()
        self.head.predictor = nn.Linear(6, 6)

    def loss(self, views):
        z = [self.neck(self.backbone(view)) for view in views]
        p = [self.head.predictor(view) for view in z]
        pairs = zip(p, z[::-1], strict=True)
        losses = [mean_over_ranks(-torch.cosine_similarity(a, b.detach())) for a, b in pairs]
        return 0.5 * (losses[0] + losses[1])


def readings():
    """Of the monitor on 7 images; the first of two processes has 5 of them, the other 2."""
    torch.manual_seed(0)
    model = Siamese()
    image = torch.randn(7, 4)
    views = [image + 0.5 * torch.randn(7, 4) for _ in range(2)]
    if dist.is_initialized():
        own = slice(0, 5) if dist.get_rank() == 0 else slice(5, 7)
        views = [view[own] for view in views]
    monitor = Monitor(model, layout=None)
    found = {}
    for step in range(2):
        monitor.begin(with_gradients=True)
        model.loss([view + step for view in views]).backward()
        values = monitor.read_step(len(views[0])).tolist()
        found |= {f"{name} {step}": value for name, value in zip(STEP, values, strict=True)}
        of_batch, size, channels = monitor.read_batch()
        found |= {f"{name} {step}": value for name, value in of_batch.items()}
    return found | {"size": size, "channels": channels, "vectors": monitor.vectors}


def test_two_processes_with_uneven_shares_read_what_one_reads(tmp_path):
    one, (two, _) = readings(), in_two_processes(readings, tmp_path)
    assert (one["size"], one["vectors"]) == (7, 14)
    assert two == pytest.approx(one, rel=1e-4, abs=1e-5, nan_ok=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Eight images of noise."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for index in range(8):
        image = draw.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return folder


# The hook, and the values that are smaller than published for the test.
CONFIG = """
_base_ = "mmpretrain::{config}.py"
custom_imports = dict(imports=["mmdense"])
custom_hooks = [dict(type="mmdense.CollapseHook", interval=2, images=4)]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(_delete_=True, type="CustomDataset", data_root="{data}", with_label=False,
                 pipeline={{{{_base_.train_pipeline}}}}),
)
model = dict(backbone=dict(depth=18), neck=dict(in_channels=512, hid_channels=32){head})
train_cfg = dict(max_epochs=1)
"""
SMALL = ", head=dict(predictor=dict(hid_channels=32))"


@pytest.mark.parametrize(
    ("config", "head"),
    [
        ("byol/byol_resnet50_16xb256-coslr-200e_in1k", SMALL),
        ("simclr/simclr_resnet50_16xb256-coslr-200e_in1k", ""),
    ],
)
def test_published_configs_with_only_the_hook_added(tmp_path, photos, monkeypatch, config, head):
    file = tmp_path / "config.py"
    file.write_text(CONFIG.format(config=config, data=photos, head=head))
    tool = ROOT / "tools" / "train.py"
    work_dir = f"--work-dir={tmp_path / 'run'}"
    monkeypatch.setattr(sys, "argv", [str(tool), str(file), work_dir])
    runpy.run_path(str(tool))["main"]()
    found = read_history(tmp_path / "run")
    assert [step for step, _ in found["curves"]["m_o"]] == [1, 2]
    assert found["facts"]["channels"] == (256 if "byol" in config else 128)
    assert found["verdict"] in ("healthy", "dimensional collapse", "complete collapse")
    assert {spectrum["space"] for spectrum in found["spectra"]} == {"backbone", "projector"}
