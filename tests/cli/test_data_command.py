"""`dncnn-tf data`: downloads from a server on this machine, honest and hostile."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import command_after
from helpers.waiting import HANGS
from PIL import Image

from cli.commands.train import train
from dncnn_tf.data import datasets
from dncnn_tf.data.datasets import DatasetError
from dncnn_tf.data.downloads import download

HERE = "tiny/1.bmp"


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` (URL path → bytes) and keeps the paths it was asked for.

    `cut` closes halfway through a file; `halfway` is waited for there.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut = False
        self.halfway: threading.Barrier | None = None
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(unquote(self.path))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        middle = len(content) // 2
        self.wfile.write(content[:middle])
        if self.server.halfway is not None:
            self.server.halfway.wait(HANGS)
        if not self.server.cut:
            self.wfile.write(content[middle:])

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    monkeypatch.setenv("DNCNN_TF_BASE_URL", server.url + "/")
    monkeypatch.setenv("DNCNN_TF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DNCNN_TF_DATA", raising=False)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def tiny(server, monkeypatch, tmp_path) -> dict[str, bytes]:
    """A set of three small images behind the server, the only one in the registry; names need percent-encoding."""
    images = {}
    for i in range(3):
        stream = io.BytesIO()
        pixels = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(stream, "BMP")
        images[f"a picture #{i}.bmp"] = stream.getvalue()
    server.files = {f"/me/repo/abc/some dir/{name}": content for name, content in images.items()}
    rows = [
        [name, hashlib.sha256(content).hexdigest(), len(content), f"{i}.png"]
        for i, (name, content) in enumerate(images.items())
    ]
    entry = {
        "used_for": "tests",
        "repository": "me/repo",
        "commit": "abc",
        "path": "some dir",
        "here": "tiny",
        "files": rows,
    }
    (tmp_path / "registry.json").write_text(json.dumps({"tiny": entry}))
    monkeypatch.setattr(datasets, "REGISTRY", tmp_path / "registry.json")
    datasets.published_sets.cache_clear()
    yield images
    datasets.published_sets.cache_clear()


def _kept(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_published_arrives_in_its_format_and_only_once(server, tiny, tmp_path):
    sizes: list[int] = []
    files = download("tiny", progress=sizes.append)
    assert [file.read_bytes() for file in files] == list(tiny.values())
    assert _kept(tmp_path / "cache") == ["tiny/0.bmp", HERE, "tiny/2.bmp"]
    assert sum(sizes) == sum(map(len, tiny.values()))
    assert datasets.resolve("tiny") == files
    assert [image.shape for image in datasets.load("tiny", 3)] == [(20, 30, 3)] * 3
    server.asked.clear()
    assert download("tiny") == files
    assert server.asked == []


def test_only_what_is_missing_or_damaged_is_fetched_again(server, tiny, tmp_path):
    files = download("tiny")
    files[0].unlink()
    files[1].write_bytes(b"x" * files[1].stat().st_size)
    server.asked.clear()
    download("tiny")
    assert sorted(unquote(path) for path in server.asked) == [path for path in server.files if "#2" not in path]
    assert [file.read_bytes() for file in files] == list(tiny.values())


def test_two_processes_may_download_the_same_set_at_once(server, tiny, tmp_path):
    server.halfway = threading.Barrier(2 * len(tiny))  # all files are half there, for both
    code = "from dncnn_tf.data import datasets; from pathlib import Path; datasets.REGISTRY = Path('registry.json')"
    arguments = command_after(code, "data", "download", "tiny")
    processes = [subprocess.Popen(arguments, cwd=tmp_path) for _ in range(2)]
    assert [process.wait(HANGS) for process in processes] == [0, 0]
    assert len(server.asked) == 6
    assert _kept(tmp_path / "cache") == ["tiny/0.bmp", HERE, "tiny/2.bmp"]
    assert [file.read_bytes() for file in datasets.resolve("tiny")] == list(tiny.values())


@pytest.mark.usefixtures("tiny")
def test_a_wrong_file_is_not_kept(server, tmp_path):
    path = next(path for path in server.files if "#1" in path)
    server.files[path] = server.files[path][:-1] + b"?"
    with pytest.raises(DatasetError, match=r"1\.bmp: .* not the published file .* SHA-256"):
        download("tiny")
    assert HERE not in _kept(tmp_path / "cache")
    assert set(_kept(tmp_path / "cache")) <= {"tiny/0.bmp", "tiny/2.bmp"}, "no temporary file is left"
    with pytest.raises(DatasetError, match="dncnn-tf data download tiny"):
        datasets.resolve("tiny")


@pytest.mark.usefixtures("tiny")
def test_a_cut_connection_leaves_nothing_and_the_next_run_completes(server, tmp_path):
    server.cut = True
    with pytest.raises(DatasetError, match="connection broke"):
        download("tiny")
    assert _kept(tmp_path / "cache") == []
    server.cut = False
    assert len(download("tiny")) == 3


@pytest.mark.usefixtures("tiny")
def test_a_missing_file_gives_the_servers_answer(server):
    server.files = {}
    with pytest.raises(DatasetError, match=r"me/repo/abc/some%20dir/a%20picture%20%23\d\.bmp: the server answered 404"):
        download("tiny")


@pytest.mark.usefixtures("server")
def test_a_base_that_is_no_address_is_refused(monkeypatch):
    monkeypatch.setenv("DNCNN_TF_BASE_URL", "mirror/of/github")
    with pytest.raises(DatasetError, match="DNCNN_TF_BASE_URL must start with http"):
        download("set12")


def test_command_without_network(dncnn_tf, tmp_path):
    """Nobody listens on port 9; both sets are tried, each fails in one line."""
    environment = os.environ | {"DNCNN_TF_BASE_URL": "http://127.0.0.1:9", "DNCNN_TF_CACHE_DIR": str(tmp_path)}
    environment.pop("DNCNN_TF_DATA", None)
    result = dncnn_tf("data", "download", "set5", "set12", env=environment)
    assert result.returncode == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("error: set5: no connection to http://127.0.0.1:9; check the network")
    assert second.startswith("error: set12: no connection")
    assert _kept(tmp_path) == []


def test_command_refuses_what_is_not_published(dncnn_tf, server, tmp_path):
    """The real registry against a server that answers every request with the same wrong bytes."""
    server.files = {f"/{file.url_path}": b"not it" for file in datasets.published_sets()["set5"].files}
    result = dncnn_tf("data", "download", "set5", "nope")
    assert result.returncode == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert "not the published file" in first
    assert second.startswith("error: nope: no such set; the sets are: train400,")
    assert _kept(tmp_path / "cache") == []


def test_list_shows_where_each_set_is(dncnn_tf, tmp_path):
    cache, local = tmp_path / "cache", tmp_path / "local"
    for file in datasets.published_sets()["classic5"].files:
        (cache / file.cached).parent.mkdir(parents=True, exist_ok=True)
        (cache / file.cached).write_bytes(bytes(file.size))
    for i in range(5):
        (local / "test/set5").mkdir(parents=True, exist_ok=True)
        (local / f"test/set5/{i}.png").touch()
    (local / "test/set12").mkdir()
    environment = os.environ | {"DNCNN_TF_CACHE_DIR": str(cache), "DNCNN_TF_DATA": str(local)}
    result = dncnn_tf("data", "list", "-q", env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    rows = {line.split()[0]: line for line in result.stdout.splitlines()[1:]}
    assert list(rows) == ["sample", *datasets.published_sets()]
    assert "embedded" in rows["sample"]
    assert "cache" in rows["classic5"]
    assert "DNCNN_TF_DATA" in rows["set5"]
    assert "incomplete" in rows["set12"]
    assert "not here" in rows["bsd68"]
    assert rows["bsd68"].split()[1] == "68"


def test_training_on_a_set_that_is_not_here_is_one_line(tmp_path, server):
    result = CliRunner().invoke(train, ["--sigma", "25", "--data", "set12", "--output", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: set12: not on this machine; run `dncnn-tf data download")
    assert server.asked == [], "nothing is downloaded unasked"
    assert not (tmp_path / "run").exists()


def test_help_needs_no_heavy_import():
    script = "import sys; sys.argv = ['dncnn-tf', 'data', 'list', '--help']\nfrom cli.main import main\ntry: main()\n"
    script += "except SystemExit: assert not {'tensorflow', 'keras', 'numpy', 'skimage', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=Path(__file__).parents[2])


@pytest.mark.data
def test_originals_of_a_real_set_pass_their_hashes(dncnn_tf, request):
    """cbsd432 is kept locally as the original JPEG files, so they can stand in for GitHub's."""
    local = Path(os.environ["DNCNN_TF_DATA"])
    server = request.getfixturevalue("server")  # takes DNCNN_TF_DATA away
    for file in datasets.published_sets()["cbsd432"].files:
        server.files[f"/{file.url_path}"] = (local / file.cached).read_bytes()
    result = dncnn_tf("data", "download", "cbsd432", timeout=120)
    assert (result.returncode, result.stdout) == (0, "")
    assert "432 images" in result.stderr
    assert len(datasets.resolve("cbsd432")) == 432
