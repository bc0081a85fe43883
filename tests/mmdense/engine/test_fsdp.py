"""Parts of a sharded model; whole trainings: tests/test_distributed.py."""

import pytest
import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from mmdense.engine.fsdp import whole_parameters
from tests.two_processes import in_two_processes


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.Linear(6, 2)))

    def forward(self, rows):
        return self.backbone(rows)


def test_a_part_runs_alone_inside_the_context(tmp_path):
    rows = torch.ones(3, 4)

    def run():
        torch.manual_seed(0)
        model = Model()
        if dist.is_initialized():
            mesh = init_device_mesh("cpu", (2,))
            fully_shard(model.backbone[1], mesh=mesh)
            fully_shard(model, mesh=mesh)
            model(rows).sum().backward()  # then the parameters are sharded again
            with pytest.raises(RuntimeError):
                model.backbone(rows)
        with whole_parameters(model):
            found = model.backbone(rows).detach().clone()
        return torch.stack([found, model(rows).detach()])

    one, two = run(), in_two_processes(run, tmp_path)[0]
    assert torch.allclose(one, two)
    assert torch.equal(one[0], one[1])
