"""Answers questions to the Triton operator in a process of its own.

Triton reads TRITON_INTERPRET once, when it is imported, which the process of the tests may have
done already.

    python run_sampled_conv.py QUESTIONS ANSWERS DEVICE
"""

import sys
from unittest import mock

import sampled_conv_triton as triton_file
import torch


def answer(question, device):
    """Give output and gradients, or the message of the error."""
    table, kernel, rows, weights, grad = (tensor.to(device) for tensor in question["tensors"])
    leaves = [leaf.requires_grad_(needs) for leaf, needs in zip((table, kernel), question["needs"])]
    with mock.patch.object(triton_file, "_PROGRAMS", question["programs"]):
        try:
            out = triton_file.sampled_conv_triton(*leaves, rows, weights)
        except ValueError as error:
            return str(error)
        out.backward(grad)
    parts = out.detach(), table.grad, kernel.grad
    return [None if part is None else part.cpu() for part in parts]


def ask_supports(device):
    """Name each circumstance in which the operator can do its work."""
    table = torch.zeros(4, 4, device=device)
    rows = torch.zeros(3, 1, 9, 4, dtype=torch.int32, device=device)
    weights = torch.zeros(3, 1, 9, 4, device=device)
    supports = triton_file.supports
    found = {
        "float32": supports(table, rows, 1, weights),
        "bfloat16": supports(table.bfloat16(), rows, 1, weights),
        "float16": supports(table.half(), rows, 1, weights),
        "float64": supports(table.double(), rows, 1, weights),
        "groups": supports(table, rows, 2, weights),
        "groups of points": supports(table, rows.expand(3, 2, 9, 4), 1, weights),
        "learned weights": supports(table, rows, 1, weights.clone().requires_grad_()),
    }
    with mock.patch("torch.compiler.is_compiling", return_value=True):
        found["compiled"] = supports(table, rows, 1, weights)
    torch.use_deterministic_algorithms(True)
    found["deterministic"] = supports(table, rows, 1, weights)
    torch.use_deterministic_algorithms(False)
    return {name for name, yes in found.items() if yes}


def main():
    """Read, answer, write."""
    questions, answers, device = sys.argv[1:]
    torch.set_num_threads(1)
    answers_by_name = {
        name: answer(question, device) for name, question in torch.load(questions).items()
    }
    torch.save((answers_by_name, ask_supports(device)), answers)


if __name__ == "__main__":
    main()
