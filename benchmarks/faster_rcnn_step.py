"""Training step of Faster R-CNN with the operators of mmdense, naive ones and compiled ones.

Each side runs in its own process; the steps alternate:

    python -m benchmarks faster_rcnn_step --compiled SITE

SITE is a folder with an mmcv that has compiled operators (pip install --target SITE WHEEL). Without
it only the naive RoIAlign is compared.
"""

import contextlib
import os
import subprocess
import sys
import time

import torch

from benchmarks.timing import result

SETTING = "ResNet-18, FPN of 64 channels, 4 images of 320x240, 512 RoIs an image, float32"


def build_step():
    """Return a function that runs one training step: forward, backward and update."""
    from mmdet.registry import MODELS
    from mmdet.testing import demo_mm_inputs
    from mmdet.utils import register_all_modules
    from mmengine.hub import get_config
    from mmengine.logging import MMLogger

    import mmdense  # noqa: F401

    MMLogger.get_current_instance().setLevel("ERROR")
    register_all_modules(init_default_scope=True)
    model = get_config("mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py").model
    model.backbone.update(depth=18, init_cfg=None)
    model.neck.update(in_channels=[64, 128, 256, 512], out_channels=64)
    model.rpn_head.update(in_channels=64, feat_channels=64)
    model.roi_head.bbox_roi_extractor.out_channels = 64
    model.roi_head.bbox_head.update(in_channels=64, num_classes=3)
    torch.manual_seed(0)
    detector = MODELS.build(model).train()
    detector.init_weights()
    optimizer = torch.optim.SGD(detector.parameters(), lr=1e-3, momentum=0.9)
    batch = demo_mm_inputs(4, (3, 240, 320), num_items=[8] * 4, num_classes=3)

    def step() -> float:
        data = detector.data_preprocessor(batch, training=True)
        loss, _ = detector.parse_losses(detector(**data, mode="loss"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def use_naive_roi_align() -> None:
    """Replace the RoIAlign of mmcv by one with grid_sample."""
    from benchmarks.roi_align import grid_sample_roi_align

    def roi_align(maps, rois, size, spatial_scale, sampling_ratio, pool_mode, aligned):
        return grid_sample_roi_align(maps, rois, size, spatial_scale, sampling_ratio)

    # `mmcv.ops.roi_align` is the function, so get the module by name.
    sys.modules["mmcv.ops.roi_align"].roi_align = roi_align


def serve(naive: bool) -> None:
    """Run one step for each line on standard input, and print its seconds."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with contextlib.redirect_stdout(sys.stderr):
        step = build_step()
        if naive:
            use_naive_roi_align()
        from mmdense.ops import mmcv_ops

        for _ in range(2):
            step()
        answers.write(mmcv_ops.sources()["nms"] + "\n")
        for _ in sys.stdin:
            start = time.perf_counter()
            loss = step()
            answers.write(f"{time.perf_counter() - start} {loss}\n")


def start(*arguments: str, site: str | None = None) -> subprocess.Popen:
    environment = dict(os.environ, OMP_NUM_THREADS=str(torch.get_num_threads()))
    if site:
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (site, environment.get("PYTHONPATH")))
        )
    side = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.faster_rcnn_step", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    )
    side.supplier = side.stdout.readline().strip()  # package that supplies the operators
    return side


def run(compiled: str | None = None, rounds: int = 8) -> list[dict]:
    """Compare with naive operators and, if ``compiled`` is a folder, with compiled ones."""
    sides = {"mmdense": start(), "RoIAlign on grid_sample": start("--naive")}
    if compiled:
        side = start(site=compiled)
        if side.supplier != "mmcv":
            raise SystemExit(f"the mmcv in {compiled} has no compiled operators")
        sides["compiled mmcv"] = side
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds):
        for name, side in sides.items():
            side.stdin.write("step\n")
            best[name] = min(best[name], float(side.stdout.readline().split()[0]))
    for side in sides.values():
        side.stdin.close()
        side.wait()
    ours = best.pop("mmdense")
    return [
        result("Faster R-CNN step", ours, seconds, other_name=name, setting=SETTING)
        for name, seconds in best.items()
    ]


if __name__ == "__main__":  # one side, started by run()
    serve(naive="--naive" in sys.argv)
