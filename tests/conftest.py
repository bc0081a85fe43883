"""Tests compute small things: one thread each is faster than two, and repeats to the last bit."""

import cv2
import pytest
import torch
from mmengine.registry import DefaultScope

torch.set_num_threads(1)
cv2.setNumThreads(0)


@pytest.fixture(autouse=True, scope="module")
def no_default_scope():
    """Files of tests run in any order, so none finds the default scope that another left."""
    DefaultScope._instance_dict.clear()
