"""Run benchmarks: python -m benchmarks [NAME ...] [--threads N] [--json FILE] [--compiled SITE].

On a busy machine, measure with one thread: an operation on two threads waits for the slower one.
"""

import argparse
import datetime
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import torch
from mmengine.logging import MMLogger

import benchmarks
from benchmarks import faster_rcnn_step
from mmdense.records.environment import collect_environment
from mmdense.records.portable import portable_path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="benchmarks to run (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    parser.add_argument("--compiled", metavar="SITE", help="folder of an mmcv with compiled ops")
    parser.add_argument("--threads", type=int, metavar="N", help="number of threads of torch")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    known = {module.name for module in pkgutil.iter_modules(benchmarks.__path__)}
    known -= {"__main__", "timing"}
    if unknown := set(options.names) - known:
        parser.error(f"unknown benchmark {sorted(unknown)}, expected {sorted(known)}")
    MMLogger.get_instance("mmengine", log_level="WARNING")
    results = []
    for name in options.names or sorted(known):
        if name == "faster_rcnn_step":
            results += faster_rcnn_step.run(options.compiled)
        else:
            results += importlib.import_module(f"benchmarks.{name}").run()
    if options.json:
        record = {
            "command": " ".join(["python -m benchmarks", *map(portable_path, sys.argv[1:])]),
            "date": datetime.date.today().isoformat(),
            "machine": collect_environment(),
            "results": results,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
