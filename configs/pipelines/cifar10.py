"""SimSiam on CIFAR-10 (JPEG), evaluated by k-NN and linear probe.

Paper: SimSiam, arXiv:2011.10566, appendix D, there 800 epochs of a full-width ResNet-18.
Command: mmdense pipeline configs/pipelines/cifar10.py --source FOLDER
Machine: two CPU cores, under 40 minutes.
Expected: below, from the record; one seed.
Vary: max_epochs of the pretraining config; a stage runs again if its inputs change.
"""

name = "cifar10"
seed = 0
data = [dict(name="cifar10")]

stages = [
    dict(
        name="pretrain",
        tool="train",
        config="configs/pretrain/simsiam_r18_cifar10.py",
        task="pretrain",
        data="CIFAR-10 (JPEG)",
    ),
    *[
        dict(
            name=f"{name}_{weights}",
            tool=tool,
            config="configs/probe/r18_cifar10.py",
            task=tool,
            data="CIFAR-10 (JPEG)",
            **after,
        )
        for name, tool in (("knn", "knn"), ("probe", "linear_probe"))
        for weights, after in (("ssl", dict(after="pretrain")), ("random", dict()))
    ],
]

compare = [
    dict(
        task="knn",
        metric="knn/k20_top1",
        ssl="knn_ssl",
        random="knn_random",
        label="k-NN (k = 20), top-1 %",
        scale=1,
    ),
    dict(
        task="linear_probe",
        metric="accuracy/top1",
        ssl="probe_ssl",
        random="probe_random",
        label="linear probe, top-1 %",
        scale=1,
    ),
]

_record = "pipelines/2026-11-22_cifar10"
expected = [
    dict(record=_record, metric="knn_ssl/knn/k20_top1", value=30.35, tolerance=2.0),
    dict(record=_record, metric="knn_random/knn/k20_top1", value=26.6, tolerance=2.0),
    dict(record=_record, metric="probe_ssl/accuracy/top1", value=32.79, tolerance=2.0),
    dict(record=_record, metric="probe_random/accuracy/top1", value=30.66, tolerance=2.0),
]
