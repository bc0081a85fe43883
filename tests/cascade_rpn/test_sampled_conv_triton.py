import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from triton import compile as compile_kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mmdense.ops.bilinear import bilinear_plan
from projects.cascade_rpn import sampled_conv_triton as triton_file
from projects.cascade_rpn.sampled_conv import sampled_conv

SCRIPT = Path(__file__).resolve().parents[1] / "processes" / "run_sampled_conv.py"
NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16"}
TOLERANCE = {
    torch.float32: 1e-4,  # another order of the sums
    torch.float16: 2e-3,  # one rounding of the columns (2 ** -11), and one of the result
    torch.bfloat16: 2e-2,  # the same (2 ** -8)
}
# M, L, C, D, K and the programs that share the kernel's gradient. The largest blocks are 64 (L),
# 32 to 128 (C) and 32 to 256 (D).
SIZES = {
    "least": (1, 1, 1, 1, 1, 512),
    "smaller than a block": (7, 5, 3, 18, 3, 512),
    "blocks fit": (20, 64, 32, 32, 2, 512),
    "many blocks of outputs": (30, 70, 5, 7, 2, 512),
    "programs that take several blocks": (30, 70, 5, 7, 2, 2),
    "many blocks of input channels": (9, 10, 130, 20, 2, 512),
    "many blocks of output channels": (9, 10, 6, 260, 2, 512),
}
# Blocks depend on the bytes of a channel, not on the dtype.
DTYPES = dict.fromkeys(SIZES, (torch.float32,)) | {
    "smaller than a block": tuple(TOLERANCE),
    "many blocks of outputs": (torch.float32, torch.float16),
    "many blocks of input channels": (torch.float32, torch.bfloat16),
    "many blocks of output channels": (torch.float32, torch.bfloat16),
}


def random_question(M, L, C, D, K, programs, dtype=torch.float32):
    generator = torch.Generator().manual_seed(L + C)
    table = torch.randn(M, C, generator=generator)
    kernel = torch.randn(D, C, K, generator=generator)
    rows = torch.randint(0, M, (L, 1, K, 4), generator=generator, dtype=torch.int32)
    weights = torch.rand(L, 1, K, 4, generator=generator)
    weights *= torch.rand(L, 1, K, 4, generator=generator) > 0.2  # some points are outside
    grad = torch.randn(L, D, generator=generator)
    tensors = [table.to(dtype), kernel.to(dtype), rows, weights, grad.to(dtype)]
    return {"tensors": tensors, "needs": (True, True), "programs": programs}


def question_of_levels():
    """Two images on two levels, points in and around them, as the pyramid lists them."""
    question = random_question(2 * 5 * 7 + 2 * 3 * 4, 30, 8, 6, 4, 512)
    generator = torch.Generator().manual_seed(0)
    parts, first = [], 0
    for height, width, L in ((5, 7, 20), (3, 4, 10)):
        y = torch.rand(L, 4, generator=generator) * (height + 3) - 2
        x = torch.rand(L, 4, generator=generator) * (width + 3) - 2
        image = torch.randint(0, 2, (L, 1), generator=generator)
        plan = bilinear_plan(y, x, height=height, width=width, image=image)
        parts.append((plan.rows + first, plan.weights))
        first += 2 * height * width
    rows, weights = (torch.cat(part)[:, None] for part in zip(*parts))  # [L, 1, K, 4]
    assert rows.dtype == torch.int64
    question["tensors"][2:4] = rows, weights
    return question


def all_questions():
    questions = {
        f"{name}, {dtype}": random_question(*sizes, dtype)
        for name, sizes in SIZES.items()
        for dtype in DTYPES[name]
    }
    questions["levels"] = question_of_levels()
    small = SIZES["smaller than a block"]
    for name in ("zero weights", "table alone", "kernel alone", "strided", "bad type", "bad size"):
        questions[name] = random_question(*small)
    questions["nothing"] = random_question(3, 0, 4, 5, 3, 512)
    questions["zero weights"]["tensors"][3].zero_()
    questions["table alone"]["needs"] = (True, False)
    questions["kernel alone"]["needs"] = (False, True)
    strided = questions["strided"]["tensors"]
    strided[:] = [tensor.mT.contiguous().mT for tensor in strided]
    assert not any(tensor.is_contiguous() for tensor in strided)
    questions["bad type"]["tensors"][1] = questions["bad type"]["tensors"][1].half()
    questions["bad size"]["tensors"][1] = torch.zeros(18, 4, 3)
    return questions


@pytest.fixture(
    scope="module",
    params=[
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
        ),
    ],
)
def answers(request, tmp_path_factory):
    """Results of the kernels for all questions, and what they support."""
    folder = tmp_path_factory.mktemp("questions")
    files = folder / "questions.pt", folder / "answers.pt"
    torch.save(all_questions(), files[0])
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    # The folder of the file, since its package would import all of MMDetection.
    environment["PYTHONPATH"] = str(Path(triton_file.__file__).parent)
    if request.param == "cpu":
        environment["TRITON_INTERPRET"] = "1"
    command = [sys.executable, str(SCRIPT), *map(str, files), request.param]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return torch.load(files[1])


def plain(question):
    """Output and gradients of the plain operator, in float32, of the same rounded numbers."""
    table, kernel, rows, weights, grad = question["tensors"]
    table, kernel = table.float().requires_grad_(), kernel.float().requires_grad_()
    out = sampled_conv(table, kernel, rows, weights)
    return out.detach(), *torch.autograd.grad(out, (table, kernel), grad.float())


def assert_equals_plain(got, question):
    dtype = question["tensors"][0].dtype
    for part, expected in zip(got, plain(question), strict=True):
        assert part.dtype == dtype
        tolerance = TOLERANCE[dtype]
        scale = expected.abs().max().item() if expected.numel() else 1
        torch.testing.assert_close(part.float(), expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in SIZES for dtype in DTYPES[name]], ids=str
)
def test_equals_the_plain_operator(answers, name, dtype):
    assert_equals_plain(answers[0][f"{name}, {dtype}"], random_question(*SIZES[name], dtype))


@pytest.mark.parametrize("name", ["levels", "nothing", "strided"])
def test_takes_any_plan_and_layout(answers, name):
    assert_equals_plain(answers[0][name], all_questions()[name])


def test_points_outside_give_and_get_nothing(answers):
    for part in answers[0]["zero weights"]:
        assert torch.equal(part, torch.zeros_like(part))


def test_gives_the_gradients_that_are_asked_for(answers):
    out, grad_table, grad_kernel = plain(random_question(*SIZES["smaller than a block"]))
    got = answers[0]["table alone"]
    assert got[2] is None
    torch.testing.assert_close(got[:2], [out, grad_table], rtol=1e-4, atol=1e-4)
    got = answers[0]["kernel alone"]
    assert got[1] is None
    torch.testing.assert_close(got[::2], [out, grad_kernel], rtol=1e-4, atol=1e-4)


def test_supported_dtypes_and_bad_input(answers):
    assert answers[1] == {"float32", "bfloat16", "float16"}
    assert "one dtype" in answers[0]["bad type"]
    assert "[18, 4, 3]" in answers[0]["bad size"]


def shared_memory(kernel, dtype, C, D):
    """Bytes that a kernel takes on a GPU of compute capability 9.0, which need not be there."""
    options = triton_file._options(kernel, dtype, C, D)
    how = {name: options.pop(name) for name in ("num_warps", "num_stages")}
    name = NAMES[dtype]
    result = name if kernel is triton_file._forward_kernel else "fp32"
    tensors = [f"*{name}", f"*{name}", "*i32", "*fp32", f"*{result}"]
    kinds = [*tensors, "i32", "i32", "i32"] + ["constexpr"] * (len(options) + 1)
    aligned = [*range(5), *(place for place, size in ((6, C), (7, D)) if size % 16 == 0)]
    source = ASTSource(
        kernel,
        dict(zip(kernel.arg_names, kinds, strict=True)),
        {**options, "K": 9},
        {(place,): [["tt.divisibility", 16]] for place in aligned},
    )
    return compile_kernel(source, target=GPUTarget("cuda", 90, 32), options=how).metadata.shared


@pytest.mark.skipif(triton_file._interpreted(), reason="TRITON_INTERPRET is set")
def test_compiles_for_a_gpu_that_need_not_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    table, _, rows, weights, _ = random_question(*SIZES["least"])["tensors"]
    assert not triton_file.supports(table, rows, 1, weights), "no interpreter, but a CPU"
    assert len(triton_file._BLOCKS) == 6
    # The sizes of the paper, and odd ones.
    sizes = {2: (torch.bfloat16, 256, 256), 4: (torch.float32, 3, 18)}
    for kernel, item in triton_file._BLOCKS:
        assert 0 < shared_memory(kernel, *sizes[item]) <= 99 * 1024, (kernel, item)


def test_can_be_imported_without_triton(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    spec = importlib.util.spec_from_file_location("without_triton", triton_file.__file__)
    without = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(without)
    table, kernel, rows, weights, _ = random_question(*SIZES["least"])["tensors"]
    assert not without.supports(table, rows, 1, weights)
    with pytest.raises(ValueError, match="support"):
        without.sampled_conv_triton(table, kernel, rows, weights)
