"""Wait policies of OpenMP threads: that of mmdense and others, with 0 to 2 busy programs.

OpenMP reads its policy once, so each measurement is a separate process.
"""

import os
import statistics
import subprocess
import sys

from benchmarks.timing import result

POLICIES = {
    "mmdense": {},
    "spinning": {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "5000000"},
    "sleeping": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"},
}
STEP = """
import sys, time
import mmdense
import torch
import torchvision
torch.set_num_threads(2)
model = torchvision.models.resnet18().to(memory_format=torch.channels_last)
images = torch.randn(8, 3, 224, 224).contiguous(memory_format=torch.channels_last)
def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=sys.argv[1] == "bfloat16"):
        loss = model(images).float().square().mean()
    loss.backward()
step()
start = time.perf_counter()
for _ in range(6):
    step()
print((time.perf_counter() - start) / 6)
"""
BUSY = "while True: pass"


def seconds_of_a_step(dtype: str, policy: str, programs: int) -> float:
    """Return seconds of a training step of ResNet-18 with two threads and some busy programs."""
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(programs)]
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", STEP, dtype],
            env=environment | POLICIES[policy],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        for program in busy:
            program.kill()
            program.wait()
    return float(done.stdout)


def run(rounds: int = 5) -> list[dict]:
    results = []
    for dtype in ("float32", "bfloat16"):
        for programs in range(3):
            measured: dict[str, list[float]] = {policy: [] for policy in POLICIES}
            for _ in range(rounds):  # alternately: other load affects each policy
                for policy, seconds in measured.items():
                    seconds.append(seconds_of_a_step(dtype, policy, programs))
            # The minimum would hide the effect of the busy programs, so use the median.
            middle = {policy: statistics.median(seconds) for policy, seconds in measured.items()}
            results += [
                result(
                    f"ResNet-18 step in {dtype} beside {programs} busy programs",
                    middle["mmdense"],
                    middle[other],
                    other_name=f"{other} threads",
                    setting=f"8 images of 224 px, two threads, median of {rounds}",
                )
                for other in ("spinning", "sleeping")
            ]
            for policy, seconds in measured.items():
                print(f"  {policy}: {', '.join(f'{second:.2f}' for second in seconds)} s")
    return results
