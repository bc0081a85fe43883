"""Tests compute small things: one thread each is faster than two, and bit-identical."""

import mmdense  # noqa: F401, I001 (before torch: it sets how OpenMP's threads wait)

import gc
import shutil

import cv2
import pytest
import torch
from mmengine.registry import DefaultScope

torch.set_num_threads(1)
cv2.setNumThreads(0)


def pytest_collection_finish():
    """Spare the garbage collector what the imports of all files made: a million objects."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    """Let the libraries free their objects, or they report leaks."""
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def no_default_scope():
    """Files of tests run in any order, so none finds the default scope that another left."""
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope="module")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install mmdense[dev]"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on the PATH to open pages in")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, file):
    """A function that opens a page, else ``file``, and collects its messages and requests."""
    pages = []

    def open_it(viewport, scheme="light", file=file):
        page = chromium.new_page(viewport=viewport, color_scheme=scheme)
        page.messages, page.requests = [], []
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(file.as_uri())
        pages.append(page)
        return page

    yield open_it
    for page in pages:
        page.close()
