"""Tests compute small things: one thread each is faster than two, and repeats to the last bit."""

import cv2
import torch

torch.set_num_threads(1)
cv2.setNumThreads(0)
