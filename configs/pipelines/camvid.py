"""A road scene segmentor from 1,000 images and unlabelled CamVid images.

Paper: SimSiam, arXiv:2011.10566; Semantic FPN, arXiv:1901.02446.
Command: mmdense pipeline configs/pipelines/camvid.py --source FOLDER
Machine: two CPU cores, under 30 minutes.
Expected: below, from the record; one seed.
Vary: the configs of the stages; a stage runs again if its inputs change.
"""

name = "camvid"
seed = 0
data = [dict(name="natural1k"), dict(name="camvid")]

_segment = dict(
    tool="train",
    config="configs/segmentation/semantic_fpn_r18_camvid.py",
    task="segmentation",
    data="CamVid",
)
stages = [
    dict(
        name="pretrain",
        tool="train",
        config="configs/pretrain/simsiam_r18_camvid.py",
        task="pretrain",
        data="natural1k, CamVid",
    ),
    dict(_segment, name="segment_ssl", after="pretrain"),
    dict(_segment, name="segment_random"),
]

compare = [
    dict(
        task="segmentation",
        metric="mIoU",
        ssl="segment_ssl",
        random="segment_random",
        label="mIoU",
        scale=1,
    ),
]

_record = "pipelines/2026-11-22_camvid"
expected = [
    dict(record=_record, metric="segment_ssl/mIoU", value=31.44, tolerance=3.0),
    dict(record=_record, metric="segment_random/mIoU", value=29.64, tolerance=3.0),
]
