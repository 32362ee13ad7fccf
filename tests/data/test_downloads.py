"""Downloads from servers that send too much, too slowly, or no end: bounded in bytes and in time, nothing kept."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import command
from helpers.hostile_servers import OK, Server, dripping, endless, serving, silent, whole
from helpers.waiting import HANGS, wait_for

from dncnn_tf.data import datasets, downloads
from dncnn_tf.data.datasets import DatasetError
from dncnn_tf.data.downloads import download

SIZE = 5000
MOST_IN_TRANSIT = 30_000_000  # what sockets of this machine hold


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Iterator[Path]:
    """Of a set of one file, the only one in the registry."""
    files = [["a.bmp", "0" * 64, SIZE, "a.png"]]
    entry = {"used_for": "tests", "repository": "me/repo", "commit": "abc", "path": "dir", "here": "tiny"}
    (tmp_path / "registry.json").write_text(json.dumps({"tiny": entry | {"files": files}}))
    monkeypatch.setattr(datasets, "REGISTRY", tmp_path / "registry.json")
    monkeypatch.setenv("DNCNN_TF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DNCNN_TF_DATA", raising=False)
    datasets.published_sets.cache_clear()
    yield tmp_path / "cache"
    datasets.published_sets.cache_clear()


def refused(server: Server, monkeypatch, cache: Path) -> str:
    """The line that says why a download failed."""
    monkeypatch.setenv("DNCNN_TF_BASE_URL", server.url)
    with pytest.raises(DatasetError) as failure:
        download("tiny")
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize(
    "answer",
    [
        endless(OK + b"\r\n", bytes(10**6)),
        endless(OK + b"Content-Length: 1000000000000\r\n\r\n", bytes(10**6)),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(2**16) + b"\r\n"),
    ],
    ids=["no length", "a length", "chunks"],
)
def test_an_endless_body_ends_at_the_file_s_size(monkeypatch, cache, answer) -> None:
    with serving(answer) as server:
        assert "a.bmp: what http" in refused(server, monkeypatch, cache)
        assert server.sent < MOST_IN_TRANSIT


def test_a_packed_body_is_not_unpacked(monkeypatch, cache) -> None:
    content = gzip.compress(bytes(100_000_000), 1)
    with serving(whole("200 OK", content, "Content-Encoding: gzip")) as server:
        assert "not the published file" in refused(server, monkeypatch, cache)


def test_an_endless_redirect_is_not_read(monkeypatch, cache) -> None:
    with serving(endless(b"HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n", bytes(10**6))) as server:
        assert "the server answered 302" in refused(server, monkeypatch, cache)
        assert server.sent < 5 * MOST_IN_TRANSIT
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [silent(), dripping(OK[:-2]), silent(OK + b"\r\n"), dripping(OK + b"\r\n")],
    ids=["no answer", "a slow head", "no body", "a slow body"],
)
def test_what_hardly_comes_is_given_up(monkeypatch, cache, answer) -> None:
    monkeypatch.setattr(downloads, "_PATIENCE", 0.3)
    with serving(answer) as server:
        assert "answers too slowly or not at all" in refused(server, monkeypatch, cache)


def test_a_slow_server_does_not_outlive_ctrl_c(tmp_path) -> None:
    environment = os.environ | {"DNCNN_TF_CACHE_DIR": str(tmp_path)}
    environment.pop("DNCNN_TF_DATA", None)
    with serving(dripping(OK + b"\r\n", bytes(50))) as server:
        process = subprocess.Popen(
            command("data", "download", "set12"), env=environment | {"DNCNN_TF_BASE_URL": server.url},
            stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        wait_for(lambda: server.sent >= 1000, unless=process.poll)
        process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=HANGS)[1]
        finally:
            process.kill()
    assert (process.returncode, said.splitlines()) == (130, ["error: stopped"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
