"""What `soak.py` kills: a command, how to start it again, and what must hold of all that it has written."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.weights import load_model
from dncnn_tf.training.run_folder import Run

PROGRAM = str(Path(sys.executable).with_name("dncnn-tf"))
SMALL = ("--depth", "3", "--filters", "4", "--patch-size", "16", "--batch-size", "4", "--precision", "float32")


class Subject:
    """A command that is killed.

    Attributes:
        found: what was seen after the kills, counted.
        lost: in words.
    """

    name: str

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.found: Counter[str] = Counter()
        self.lost: list[str] = []
        folder.mkdir()

    def command(self) -> list[str]:
        """What is started and killed; it goes on where the last one was killed."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Of the command."""
        return dict(os.environ)

    def check(self) -> None:
        """Look at all that the command has written."""
        raise NotImplementedError

    def clear(self) -> None:
        """Make it start from nothing."""
        raise NotImplementedError

    def require(self, holds: bool, what: str) -> None:
        """Count what was looked at, and note a loss."""
        self.found["looked at"] += 1
        if not holds:
            self.lost.append(what)

    def count_leftovers(self, folder: Path) -> None:
        """Temporary files that a kill leaves; their names are hidden, and never those of results."""
        leftovers = [path for path in folder.rglob(".*") if ".tmp" in path.name]
        self.found["hidden temporary files"] += len(leftovers)
        for path in leftovers:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class Denoise(Subject):
    """A folder of pictures, with --skip-existing."""

    name = "denoise"

    def __init__(self, folder: Path, model: Path) -> None:
        super().__init__(folder, model)
        source = folder / "in"
        source.mkdir()
        coffee = Image.fromarray(skimage.data.coffee())
        for i, kind in enumerate(("png", "jpg", "tif", "webp", "bmp") * 5):
            coffee.crop((5 * i, 3 * i, 5 * i + 200, 3 * i + 150)).save(source / f"{i:02d}.{kind}")
        subprocess.run([*self.command()[:-1], str(folder / "whole")], check=True, capture_output=True)
        self.whole = {path.name: path.read_bytes() for path in (folder / "whole").iterdir()}
        self.written: dict[str, int] = {}

    def command(self) -> list[str]:
        """As `Subject`."""
        model = ("--model", str(self.model), "--engine", "onnxruntime")
        return [PROGRAM, "denoise", str(self.folder / "in"), *model, "--skip-existing", "-o", str(self.folder / "out")]

    def check(self) -> None:
        """As `Subject`."""
        out = self.folder / "out"
        if out.exists():
            self.count_leftovers(out)
            for path in out.iterdir():
                self.require(path.read_bytes() == self.whole[path.name], f"{path} is not whole")
                when = path.stat().st_mtime_ns
                self.require(self.written.setdefault(path.name, when) == when, f"{path} was written again")

    def clear(self) -> None:
        """As `Subject`."""
        self.written = {}
        shutil.rmtree(self.folder / "out", ignore_errors=True)


class Train(Subject):
    """A small network, with --resume."""

    name = "train"
    reached = 0

    def command(self) -> list[str]:
        """As `Subject`."""
        run = self.folder / "run"
        if (run / "config.json").exists():
            return [PROGRAM, "train", "--resume", "--output", str(run)]
        length = ("--epochs", "12", "--steps-per-epoch", "20")
        return [PROGRAM, "train", "--sigma", "25", *SMALL, *length, "--output", str(run)]

    def check(self) -> None:
        """As `Subject`."""
        run = Run(self.folder / "run")
        if not (run.folder / "config.json").exists():
            self.clear()
            return
        self.count_leftovers(run.folder)
        self.require(run.config().epochs == 12, "config.json")
        for name in ("best.keras", "last.keras"):
            if (run.folder / name).exists():
                self.require(_loads(run.folder / name), f"{name} is damaged")
        epochs = [row["epoch"] for row in run.read_log()]
        self.require(epochs == sorted(set(epochs)), f"the log repeats or skips: {epochs}")
        checkpoint = run.latest_checkpoint()
        finished = checkpoint[1] if checkpoint else 0
        self.require(finished >= self.reached, f"epoch {self.reached} was lost, {finished} is there")
        self.reached = finished

    def clear(self) -> None:
        """As `Subject`."""
        self.reached = 0
        shutil.rmtree(self.folder / "run", ignore_errors=True)


class Export(Subject):
    """A SavedModel, whose folder must be whole or absent."""

    name = "export"

    def command(self) -> list[str]:
        """As `Subject`."""
        output = ("--output", str(self.folder / "exported"))
        return [PROGRAM, "export", "--format", "savedmodel", "--model", str(self.model), *output]

    def check(self) -> None:
        """As `Subject`."""
        exported = self.folder / "exported"
        if not exported.exists():
            return
        self.count_leftovers(exported)
        noisy = np.random.default_rng(0).random((1, 9, 8, 1), np.float32)
        expected = open_engine(self.model, engine="keras", precision="float32")(noisy)
        for version in exported.glob("*/[0-9]*"):
            try:
                difference = np.abs(open_engine(version)(noisy) - expected).max()
                self.require(difference < 1e-5, f"{version} computes something else")
            except Exception as error:
                self.require(False, f"{version}: {error}")

    def clear(self) -> None:
        """As `Subject`."""
        shutil.rmtree(self.folder / "exported", ignore_errors=True)


class Download(Subject):
    """A set of twelve pictures, from a slow server on this machine; the registry that names it is the only change."""

    name = "data download"

    def __init__(self, folder: Path, model: Path) -> None:
        super().__init__(folder, model)
        content = {}
        for i in range(12):
            buffer = io.BytesIO()
            Image.fromarray(skimage.data.coffee()[10 * i : 10 * i + 250, 20 * i : 20 * i + 300]).save(buffer, "PNG")
            content[f"{i:02d}.png"] = buffer.getvalue()
        files = [[name, hashlib.sha256(data).hexdigest(), len(data), name] for name, data in content.items()]
        self.hashes = {digest for _, digest, _, _ in files}
        entry = {"used_for": "", "repository": "a/b", "commit": "c", "path": "d", "here": "small", "files": files}
        (folder / "registry.json").write_text(json.dumps({"small": entry}), encoding="utf-8")
        handler = functools.partial(_Slow, {f"/a/b/c/d/{name}": data for name, data in content.items()})
        self.server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def command(self) -> list[str]:
        """As `Subject`."""
        script = (
            "import pathlib, sys; from dncnn_tf.data import datasets; from dncnn_tf.cli.main import main; "
            "datasets.REGISTRY = pathlib.Path(sys.argv.pop(1)); main()"
        )
        return [sys.executable, "-c", script, str(self.folder / "registry.json"), "data", "download", "small"]

    def environment(self) -> dict[str, str]:
        """As `Subject`."""
        own = {key: value for key, value in os.environ.items() if key != "DNCNN_TF_DATA"}
        url = f"http://127.0.0.1:{self.server.server_port}"
        return own | {"DNCNN_TF_BASE_URL": url, "DNCNN_TF_CACHE_DIR": str(self.folder / "cache")}

    def check(self) -> None:
        """As `Subject`."""
        self.count_leftovers(self.folder / "cache")
        for path in (self.folder / "cache").rglob("*.png"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            self.require(digest in self.hashes, f"{path} is not whole")

    def clear(self) -> None:
        """As `Subject`."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Nothing is said of clients that were killed."""


class _Slow(http.server.BaseHTTPRequestHandler):
    """Takes 40 ms for a file."""

    def __init__(self, content: dict[str, bytes], *arguments: Any) -> None:
        self.content = content
        super().__init__(*arguments)

    def do_GET(self) -> None:
        data = self.content[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for part in np.array_split(np.frombuffer(data, np.uint8), 8):
            self.wfile.write(part.tobytes())
            time.sleep(0.005)

    def log_message(self, *_: object) -> None:
        """No log."""


def _loads(path: Path) -> bool:
    try:
        load_model(path)
    except Exception:
        return False
    return True


SUBJECTS = (Denoise, Train, Export, Download)
