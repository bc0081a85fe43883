"""Compiles the Triton kernels for a GPU of compute capability 9.0, which need not be there.

python compile_sampled_conv.py ANSWERS
"""

import sys

import sampled_conv_triton as triton_file
import torch
from triton import compile as compile_kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16"}


def build(kernel, dtype, C, D):
    """Compile, and give the shared memory in bytes."""
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


def main():
    """Compile each kernel for the sizes of the paper, and for odd ones."""
    table, rows = torch.zeros(4, 4), torch.zeros(3, 1, 9, 4, dtype=torch.int32)
    assert not triton_file.supports(table, rows, 1, rows.float()), "no interpreter, but a CPU"
    shared = {}
    sizes = {2: (torch.bfloat16, 256, 256), 4: (torch.float32, 3, 18)}
    for kernel, item in triton_file._BLOCKS:
        shared[f"{kernel.__name__}, {item} bytes"] = build(kernel, *sizes[item])
    torch.save(shared, sys.argv[1])


if __name__ == "__main__":
    main()
