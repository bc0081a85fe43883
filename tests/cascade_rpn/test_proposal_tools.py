"""The tools that dump, draw and export proposals, on a folder of five noisy images."""

import contextlib
import importlib.util
import io
import json
import pickle
import runpy
import sys
import weakref

import cv2
import numpy as np
import onnx
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.registry import MODELS
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmdense.engine import steps
from projects.cascade_rpn import CascadeRPNHead, proposal_model
from projects.cascade_rpn.proposal_model import load_detector, proposal_head
from tests.cascade_rpn.small_head import ROOT, detector_config

TOOLS = ROOT / "tools"
SIZES = [(48, 64), (64, 64), (64, 48), (56, 64), (64, 96)]  # height, width
BEST = 50  # max_per_img of both heads

SMALL_DETECTOR = dict(
    backbone=dict(stem_channels=8, base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=16, num_classes=2),
    ),
    test_cfg=dict(rpn=dict(nms_pre=100, max_per_img=BEST)),
)


def dataset(root, pipeline, **more):
    return dict(
        type="mmdet.CocoDataset",
        data_root=str(root),
        ann_file="truth.json",
        data_prefix=dict(img="images/"),
        metainfo=dict(classes=("cat", "dog")),
        pipeline=pipeline,
        **more,
    )


def data_config(root):
    read = [dict(type="LoadImageFromFile"), dict(type="mmdet.LoadAnnotations", with_bbox=True)]
    resize = dict(type="mmdet.Resize", scale=(128, 96), keep_ratio=True)
    pack = dict(type="mmdet.PackDetInputs")
    flip = dict(type="mmdet.RandomFlip", prob=1.0)
    # The loader of the training leaves out, turns and shuffles; the tool must not.
    train = dataset(
        root, [*read, resize, flip, pack], filter_cfg=dict(filter_empty_gt=True, min_size=60)
    )
    shuffled = dict(type="DefaultSampler", shuffle=True)
    in_order = dict(type="DefaultSampler", shuffle=False)
    loader = dict(batch_size=2, num_workers=0, sampler=in_order)
    val = dict(loader, dataset=dataset(root, [*read, resize, pack], test_mode=True))
    return dict(
        default_scope="mmdet",
        train_dataloader=dict(loader, sampler=shuffled, drop_last=True, dataset=train),
        val_dataloader=val,
        test_dataloader=val,
    )


def write_data(root):
    rng = np.random.default_rng(0)
    (root / "images").mkdir()
    images = []
    for number, (height, width) in enumerate(SIZES):
        pixels = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        cv2.imwrite(str(root / "images" / f"{number}.png"), np.kron(pixels, np.ones((8, 8, 1))))
        images.append(dict(id=number, file_name=f"{number}.png", height=height, width=width))
    truth = dict(id=1, image_id=1, category_id=5, bbox=[8, 8, 30, 30], area=900, iscrowd=0)
    categories = [dict(id=5, name="cat"), dict(id=6, name="dog")]
    content = dict(images=images, annotations=[truth], categories=categories)
    (root / "truth.json").write_text(json.dumps(content))


def write_checkpoint(config, path, std=0.1):
    """Weights large enough for boxes to differ."""
    model = MODELS.build(Config.fromfile(config).model)
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=std)
    torch.save({"state_dict": model.state_dict()}, path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data, and a config and a checkpoint for each head."""
    register_all_modules(init_default_scope=True)
    root = tmp_path_factory.mktemp("proposals")
    write_data(root)
    data = data_config(root)
    Config(dict(data, model=detector_config("rpn", ratios=(0.5, 2.0)))).dump(root / "cascade.py")
    (root / "small.py").write_text(
        f"_base_ = [{str(ROOT / 'configs/_base_/models/faster_rcnn_r18_w32_fpn64.py')!r}]\n"
        "custom_imports = dict(imports=['mmpretrain.models'])\n"
        f"model = {SMALL_DETECTOR!r}\n" + "\n".join(f"{key} = {data[key]!r}" for key in data)
    )
    for name in ("cascade", "small"):
        write_checkpoint(root / f"{name}.py", root / f"{name}.pth")
    return root


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """The tools take all there are."""
    monkeypatch.setattr(steps, "available_cores", lambda: 1)


@pytest.fixture
def start(monkeypatch, capsys, place):
    """Run a tool in this process: its status, and what it printed."""

    def run(tool, *arguments):
        monkeypatch.syspath_prepend(TOOLS)
        monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
        capsys.readouterr()
        status = runpy.run_path(str(TOOLS / tool))["main"]()
        return status, capsys.readouterr()

    return run


@pytest.fixture
def dump(start, place):
    def run(name, out, *options):
        return start(
            "dump_proposals.py", place / f"{name}.py", place / f"{name}.pth", "--out", out, *options
        )

    return run


def dumped(dump, name, out, *options):
    status, printed = dump(name, out, *options)
    assert status == 0, printed.err
    assert str(out) in printed.out
    return pickle.loads(out.read_bytes()) if out.suffix == ".pkl" else json.loads(out.read_text())


def predicted(place, name):
    """What the head predicts on the last image, which is alone in its batch."""
    cfg = Config.fromfile(place / f"{name}.py")
    detector = load_detector(cfg, str(place / f"{name}.pth"))
    loader = cfg.val_dataloader
    batch = CocoDataset(**{k: v for k, v in loader.dataset.items() if k != "type"})[4]
    data = detector.data_preprocessor(
        {"inputs": [batch["inputs"]], "data_samples": [batch["data_samples"]]}, False
    )
    with torch.no_grad():
        maps = detector.extract_feat(data["inputs"])
        return proposal_head(detector).predict(maps, data["data_samples"], rescale=True)[0]


@pytest.mark.parametrize("name", ["cascade", "small"])
def test_mmdetection_loads_the_file(name, dump, place, tmp_path):
    out = tmp_path / "made" / "proposals.pkl"
    content = dumped(dump, name, out)
    assert list(content) == [f"images/{number}.png" for number in range(len(SIZES))]
    options = dict(dataset(place, [dict(type="LoadProposals", num_max_proposals=10)]))
    del options["type"]
    loaded = CocoDataset(**options, proposal_file=str(out))
    for number, (height, width) in enumerate(SIZES):
        first = loaded[number]
        proposals = content[f"images/{number}.png"]
        np.testing.assert_array_equal(first["proposals"], proposals["bboxes"][:10])
        np.testing.assert_array_equal(first["proposals_scores"], proposals["scores"][:10])
        assert proposals["bboxes"].dtype == proposals["scores"].dtype == np.float32
        assert (np.diff(proposals["scores"]) <= 0).all()
        assert (proposals["bboxes"] >= 0).all()
        assert (proposals["bboxes"] <= np.array([width, height] * 2) + 1e-3).all()
        assert 10 < len(proposals["bboxes"]) <= BEST
    expected = predicted(place, name)
    found = content["images/4.png"]
    np.testing.assert_allclose(found["bboxes"], expected.bboxes.numpy(), atol=1e-3)
    np.testing.assert_allclose(found["scores"], expected.scores.numpy(), atol=1e-5)


def test_images_of_the_training_are_all_dumped_and_not_turned(dump, tmp_path):
    train = dumped(dump, "cascade", tmp_path / "train.pkl", "--split", "train")
    val = dumped(dump, "cascade", tmp_path / "val.pkl")
    assert list(train) == list(val)
    for name, proposals in val.items():
        np.testing.assert_array_equal(train[name]["bboxes"], proposals["bboxes"])


def of_image(results, number):
    return [one for one in results if one["image_id"] == number]


def test_results_are_accepted_by_pycocotools(dump, place, tmp_path):
    out = tmp_path / "proposals.json"
    results = dumped(dump, "cascade", out)
    whole = dumped(dump, "cascade", tmp_path / "proposals.pkl")
    for number in range(len(SIZES)):
        proposals = whole[f"images/{number}.png"]
        boxes = np.array([one["bbox"] for one in of_image(results, number)])
        np.testing.assert_allclose(boxes[:, :2], proposals["bboxes"][:, :2])
        np.testing.assert_allclose(boxes[:, :2] + boxes[:, 2:], proposals["bboxes"][:, 2:])
    assert {one["category_id"] for one in results} == {5}  # the file has no category 1
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(place / "truth.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(out)), "bbox")
        evaluation.params.useCats = 0
        evaluation.evaluate()
    assert sum(one is not None and len(one["dtIds"]) for one in evaluation.evalImgs) > 0


def test_a_stage_gives_its_boxes(dump, tmp_path):
    last, second, first = (
        dumped(dump, "cascade", tmp_path / "a.json", *options)
        for options in ([], ["--stage", "1"], ["--stage", "0"])
    )
    assert last == second
    assert last != first
    best = lambda results: max(one["score"] for one in of_image(results, 0))  # noqa: E731
    assert best(first) == pytest.approx(best(last))  # scores of the only classifier


@pytest.mark.parametrize("name", ["cascade", "small"])
def test_before_nms_nothing_is_suppressed(name, dump, tmp_path):
    out = tmp_path / "a.pkl"
    after, before, best = (
        dumped(dump, name, out, *options)
        for options in ([], ["--before-nms"], ["--before-nms", "--max", "7"])
    )
    for image, proposals in before.items():
        number = len(proposals["bboxes"])
        assert number > len(after[image]["bboxes"])
        kept = {tuple(box) for box in proposals["bboxes"].tolist()}
        assert kept >= {tuple(box) for box in after[image]["bboxes"].tolist()}
        np.testing.assert_array_equal(best[image]["bboxes"], proposals["bboxes"][:7])
    # Input of 96 x 144: 24 * 36, 12 * 18 and 6 * 9 cells of two anchors, at most 100 of a level.
    if name == "cascade":
        assert 200 < len(before["images/4.png"]["bboxes"]) <= 300


def test_max_replaces_the_limit_of_the_config(dump, tmp_path):
    few, many = (
        dumped(dump, "cascade", tmp_path / "a.pkl", "--max", number) for number in ("3", "60")
    )
    assert {len(proposals["scores"]) for proposals in few.values()} == {3}
    assert max(len(proposals["scores"]) for proposals in many.values()) > BEST


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("small", ["--stage", "0"], "--stage 0: RPNHead has no stages"),
        ("cascade", ["--stage", "2"], "--stage 2: the head has stages 0 to 1"),
        ("cascade", ["--stage", "-1"], "--stage -1: the head has stages 0 to 1"),
        (
            "cascade",
            ["--cfg-options", "val_dataloader.dataset.indices=2"],
            "val_dataloader.dataset.indices",
        ),
        (
            "cascade",
            ["--split", "train", "--cfg-options", "val_dataloader=None"],
            "has no val_data",
        ),
        (
            "cascade",
            ["--cfg-options", "val_dataloader.dataset.pipeline.3.meta_keys=[img_path,img_shape]"],
            "scale_factor",
        ),
        (
            "cascade",
            ["--cfg-options", "model.rpn_head.feat_channels=24"],
            "cascade.pth does not fit",
        ),
    ],
)
def test_an_error_is_reported_and_leaves_the_old_file(name, options, message, dump, tmp_path):
    out = tmp_path / "a.pkl"
    out.write_bytes(b"old")
    status, printed = dump(name, out, *options)
    assert status == 1
    assert message in printed.err
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.pkl"]


def test_weights_of_a_roi_head_may_be_missing(dump, start, place, tmp_path):
    weights = torch.load(place / "small.pth")["state_dict"]
    part = {name: value for name, value in weights.items() if not name.startswith("roi_head.")}
    expected = dumped(dump, "small", tmp_path / "a.json")
    options = ("--out", tmp_path / "b.json")
    for lost, message in (("", ""), ("neck.fpn_convs.0.conv.weight", "1 missing weights: ")):
        part.pop(lost, None)
        torch.save({"state_dict": part}, tmp_path / "rpn.pth")
        status, printed = start(
            "dump_proposals.py", place / "small.py", tmp_path / "rpn.pth", *options
        )
        assert (status, message in printed.err, lost in printed.err) == (bool(lost), True, True)
        assert json.loads((tmp_path / "b.json").read_text()) == expected


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("a.txt", [], "must end in .pkl or .json"),
        ("a.pkl", ["--max", "0"], "--max: must be at least 1, found 0"),
    ],
)
def test_wrong_arguments_are_named(out, options, message, dump, capsys):
    with pytest.raises(SystemExit):
        dump("cascade", out, *options)
    assert message in capsys.readouterr().err


def test_two_images_of_one_name_are_refused():
    tool = runpy.run_path(str(TOOLS / "dump_proposals.py"))
    image = tool["ImageProposals"]("a/b/c.png", 0, np.zeros((0, 4)), np.zeros(0))
    file = io.BytesIO()
    assert tool["write_proposal_file"]([image], file) == (1, 0)
    assert list(pickle.loads(file.getvalue())) == ["b/c.png"]
    with pytest.raises(ValueError, match=r"two images .* b/c\.png"):
        tool["write_proposal_file"]([image, image._replace(path="x/b/c.png")], file)


def test_json_is_written_image_by_image_and_holds_none_of_them():
    tool = runpy.run_path(str(TOOLS / "dump_proposals.py"))
    seen, file = [], io.BytesIO()

    def images():
        for number, proposals in enumerate((2, 0, 1, 0)):
            assert all(boxes() is None for boxes in seen[:-1])  # the last one is the writer's
            boxes = np.full((proposals, 4), number, np.float32)
            seen.append(weakref.ref(boxes))
            yield tool["ImageProposals"]("", number, boxes, np.ones(proposals, np.float32))
            del boxes

    assert tool["write_coco_results"](images(), [1], file) == (4, 3)
    assert [one["image_id"] for one in json.loads(file.getvalue())] == [0, 0, 2]


def test_proposals_are_no_parts_of_larger_tensors(place):
    tool = runpy.run_path(str(TOOLS / "dump_proposals.py"))
    cfg = Config.fromfile(place / "cascade.py")
    detector = load_detector(cfg, str(place / "cascade.pth"))
    batches = tool["build_loader"](cfg, "val", whole=True)
    image = next(tool["propose"](detector, proposal_head(detector), batches, {}))
    for array in (image.boxes, image.scores):
        assert array.flags.owndata
        assert array.dtype == np.float32


TARGETS = {
    "dump_proposals.py": (".json", []),
    "draw_proposals.py": (".png", ["images/4.png"]),
    "export_proposals.py": (".onnx", []),
}


@pytest.mark.parametrize("tool", TARGETS)
def test_a_target_that_cannot_be_written_is_reported_before_the_work(
    tool, start, place, tmp_path, monkeypatch
):
    monkeypatch.setattr(proposal_model, "load_detector", None)  # is not called
    suffix, arguments = TARGETS[tool]
    folder, file = tmp_path / f"folder{suffix}", tmp_path / "file"
    folder.mkdir()
    file.touch()
    for out, message in ((folder, "is a folder"), (file / f"x{suffix}", "file is not a folder")):
        size = ["--size", "64", "96"] if "export" in tool else []
        files = (place / "cascade.py", "absent.pth", *(place / name for name in arguments))
        status, printed = start(tool, *files, "--out", out, *size)
        assert status == 1
        assert message in printed.err


def test_a_model_is_exported(start, place, tmp_path, monkeypatch):
    def export(detector, file, **options):  # the real one is in test_proposal_model.py
        assert isinstance(proposal_head(detector), CascadeRPNHead) and options["size"] == (64, 96)
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], [])), file)

    monkeypatch.setattr(proposal_model, "export_onnx", export)
    out, files = tmp_path / "a.onnx", (place / "cascade.py", place / "cascade.pth")
    status, printed = start("export_proposals.py", *files, "--out", out, "--size", 64, 96)
    assert status == 0, printed.err
    assert f"{out}: image [1, 3, 64, 96], normalised" in printed.out


def test_an_export_that_cannot_be_leaves_the_old_file(start, place, tmp_path, monkeypatch):
    out = tmp_path / "a.onnx"
    out.write_bytes(b"old")
    files = (place / "small.py", place / "small.pth")
    status, printed = start("export_proposals.py", *files, "--out", out, "--size", 64, 96)
    assert status == 1
    assert "only mmdense.CascadeRPNHead is supported, found RPNHead" in printed.err
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name)
    )
    status, printed = start(
        "export_proposals.py", place / "cascade.py", "absent.pth", "--out", out, "--size", 64, 96
    )
    assert status == 1
    assert "it needs onnxscript: pip install 'mmdense[onnx]'" in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    assert out.read_bytes() == b"old"


def draw(start, place, name, image, out, *options):
    files = (place / f"{name}.py", place / f"{name}.pth", image)
    return start("draw_proposals.py", *files, "--out", out, *options)


def test_the_stages_are_drawn(start, place, tmp_path):
    out = tmp_path / "made" / "a.png"
    status, printed = draw(start, place, "cascade", place / "images/4.png", out, "--top", "3")
    assert status == 0, printed.err
    assert f"{out}: 3 proposals, best score 0." in printed.out
    width, height = Image.open(out).size
    assert width > 3 * height  # three panels of 3 : 2


@pytest.mark.parametrize(
    ("name", "image", "options", "message"),
    [
        ("small", "images/4.png", [], "the head is RPNHead, which has no stages"),
        ("cascade", "images/absent.png", [], "absent.png: "),
        ("cascade", "truth.json", [], "truth.json"),
        (
            "cascade",
            "images/4.png",
            [
                "--cfg-options",
                "test_dataloader.dataset.pipeline.3.meta_keys=[img_path,img_shape]",
            ],
            "the pipeline does not set scale_factor",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(name, image, options, message, start, place, tmp_path):
    status, printed = draw(start, place, name, place / image, tmp_path / "a.png", *options)
    assert status == 1
    assert message in printed.err
    assert not list(tmp_path.iterdir())
