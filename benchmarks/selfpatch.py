"""A step of SelfPatch against a step of DINO on the same views, and the cost of its parts.

ViT-S/16, two views of 224 px and eight of 96 px, heads of the published sizes, float32.
"""

import copy
import logging

import mmdense  # noqa: F401

# isort: split
import mmpretrain.models  # noqa: F401
import torch

import projects.selfpatch  # noqa: F401
from benchmarks.timing import compare, peak_mib, result, seconds
from mmdense.machine import keep_freed_memory
from mmdense.registry import MODELS
from mmdense.ssl.dino_neck import Prototypes
from mmdense.ssl.teacher import update_average
from projects.selfpatch.patch_loss import patch_loss

BATCH = 2
_NECK = dict(type="mmdense.DINONeck", in_channels=384)
_DINO = dict(
    type="mmdense.DINO",
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch="deit-small",
        out_type="raw",
        with_cls_token=False,
        final_norm=False,
        drop_path_rate=0.1,
    ),
    pool=dict(type="mmdense.ClassAttentionPool", channels=384, heads=6),
    neck=_NECK,
    data_preprocessor=None,
)
_SELFPATCH = dict(_DINO, type="mmdense.SelfPatch", patch_neck=_NECK)


def _step(cfg, views):
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(cfg))
    logging.disable()
    model.init_weights()
    logging.disable(logging.NOTSET)
    model.start_teacher()
    model.train()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-4)

    def step():
        model.before_step(0, 100)
        losses = model(views, [], mode="loss")
        optimizer.zero_grad()
        sum(value for key, value in losses.items() if "loss" in key).backward()
        optimizer.step()
        model.after_step(0, 100)

    return model, step


def _patch_loss(chunk, number):
    """The loss of a number of patches, and its backward pass."""
    torch.manual_seed(0)
    student, teacher = (_head() for _ in range(2))
    rows = torch.randn(number, 384, requires_grad=True)
    targets = torch.randn(number, 384)

    def loss():
        total, _ = patch_loss(
            [rows],
            [targets],
            weights=[1.0],
            predict=student,
            assign=torch.no_grad()(lambda found: (teacher(found) / 0.04).softmax(dim=-1)),
            parameters=student.parameters(),
            temperature=0.1,
            chunk=chunk,
        )
        total.backward()

    return loss


def _head():
    neck = MODELS.build(_NECK)
    return torch.nn.Sequential(_First(neck), Prototypes(256, 4096))


class _First(torch.nn.Module):
    def __init__(self, neck):
        super().__init__()
        self.neck = neck

    def forward(self, rows):
        return self.neck((rows,))[0]


def run() -> list[dict]:
    keep_freed_memory()  # as in a training
    torch.manual_seed(0)
    views = [torch.randn(BATCH, 3, size, size) for size in (224, 224, *[96] * 8)]
    setting = f"ViT-S/16, 2 views of 224 px and 8 of 96 px, batch {BATCH}, float32"
    _, dino = _step(_DINO, views)
    rows = []
    for name, changes in (
        ("SelfPatch step", {}),
        ("SelfPatch step, patches of the 224-px views", dict(patch_views="teacher")),
    ):
        model, ours = _step(_SELFPATCH | changes, views)
        row = compare(name, ours, dino, other_name="DINO step", setting=setting, rounds=4)
        rows.append(row)
    average = min(
        seconds(lambda: update_average(model.teacher, model.student(), momentum=0.99))
        for _ in range(5)
    )
    rows.append(
        result(
            "Update of the teacher of SelfPatch",
            average,
            rows[0]["ours_s"],
            other_name="whole step",
            setting=setting,
        )
    )
    few, many = (peak_mib(_patch_loss(512, number)) for number in (1024, 4096))
    rows.append(
        result(
            "Peak of the patch loss, 4,096 patches in chunks of 512",
            many,
            few,
            other_name="1,024 patches in chunks of 512",
            setting="heads of 2,048, 256 and 4,096 channels, float32, with the gradients",
            unit="MiB",
        )
    )
    rows.append(
        result(
            "Peak of the patch loss, 4,096 patches in chunks of 512",
            many,
            peak_mib(_patch_loss(4096, 4096)),
            other_name="one chunk",
            setting="heads of 2,048, 256 and 4,096 channels, float32, with the gradients",
            unit="MiB",
        )
    )
    return rows
