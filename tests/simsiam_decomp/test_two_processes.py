"""Two processes with uneven shares give what one gives: losses, gradients, running statistics."""

import torch

from tests.simsiam_decomp.every_head import measure_all
from tests.two_processes import in_two_processes


def test_losses_gradients_and_buffers_of_every_head(tmp_path):
    one, (two, _) = measure_all(), in_two_processes(measure_all, tmp_path)
    assert len(one) == 24
    assert one.keys() == two.keys()
    for head, expected in one.items():
        assert expected.keys() == two[head].keys()
        for name, value in expected.items():
            message = f"{head}: {name}"
            torch.testing.assert_close(two[head][name], value, rtol=1e-4, atol=1e-6, msg=message)
