"""Gradients of a small Cascade RPN head on two images, in one process or in two of one image each.

python tests/processes/cascade_rpn_gradients.py FILE, alone or under torch.distributed.run: saves
the gradients and the losses, those of two processes averaged.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cascade_rpn"))
from small_head import IOU, REGION, build_head, features, samples


def main() -> None:
    torch.set_num_threads(1)
    every = {"assigner": IOU["assigner"]}  # without a sampler, whose draws differ
    head = build_head(train_cfg=[REGION, every])
    maps, data = features(), samples()
    model = head
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
        rank = dist.get_rank()
        maps = [level[rank : rank + 1] for level in maps]
        data = data[rank : rank + 1]
        model = torch.nn.parallel.DistributedDataParallel(_Losses(head))
        losses = model(maps, data)
    else:
        losses = head.loss(maps, data)
    sum(losses.values()).backward()
    losses = {name: value.detach() for name, value in losses.items()}
    if dist.is_initialized():
        for value in losses.values():
            dist.all_reduce(value)
            value.div_(dist.get_world_size())
    if not dist.is_initialized() or dist.get_rank() == 0:
        gradients = {name: p.grad for name, p in head.named_parameters()}
        torch.save({"gradients": gradients, "losses": losses}, sys.argv[1])
    if dist.is_initialized():
        # Freed after the group, DDP would free the group too, holding the lock that it waits for.
        del model
        dist.destroy_process_group()


class _Losses(torch.nn.Module):
    """DDP wants the losses from ``forward``."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, maps, data):
        return self.head.loss(maps, data)


if __name__ == "__main__":
    main()
