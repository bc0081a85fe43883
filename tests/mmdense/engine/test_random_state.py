"""Draws inside leave no trace outside, also after an error."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mmdense.engine.exact_loader import kept_random_state


def draws():
    return random.random(), np.random.rand(), float(torch.rand(()))


def seed():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)


@pytest.mark.parametrize("fails", [False, True])
def test_the_generators_go_on_as_if_nothing_had_been_drawn(fails):
    seed()
    expected = draws()
    seed()
    try:
        with kept_random_state():
            inside = draws()
            list(DataLoader([1, 2]))  # starting it draws
            torch.manual_seed(99)
            if fails:
                raise KeyError("an error")
    except KeyError:
        assert fails
    assert inside == expected  # the state inside is that of outside
    assert draws() == expected
