"""The real `dncnn-tf ui`, and what its page would ask it for."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from conftest import command

SETTINGS = {"task": "denoise", "model": "auto", "sigma": None, "strength": 1.0, "scale": 2}


class Page:
    """Asks a server as its page does.

    Args:
        address: of the page.
        process: the server's.
    """

    def __init__(self, address: str, process: subprocess.Popen) -> None:
        self.address, self.process = address, process
        self.origin = address.rstrip("/")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("headers", {"Origin": self.origin})
        return requests.request(method, self.origin + path, timeout=240, **options)

    def upload(self, file: Path) -> requests.Response:
        return self.ask("POST", "/pictures", params={"name": file.name}, data=file.read_bytes())

    def lines(self, path: str, order: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.ask("POST", path, json=order)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def download(self, ids: list[str], **settings: Any) -> tuple[dict[str, Any], bytes]:
        made = self.lines("/files", {"pictures": ids, "settings": SETTINGS | settings})[-1]
        return made, self.ask("GET", made["file"]).content if "file" in made else b""

    def command(self, ids: list[str], **settings: Any) -> str:
        return self.ask("POST", "/command", json={"pictures": ids, "settings": SETTINGS | settings}).text

    def stop(self, how: int = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def served(*arguments: object, **options: Any) -> Iterator[Page]:
    """Run the command while the block does."""
    process = subprocess.Popen(
        command("ui", "--no-browser", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), process.stderr.read() if process.stderr else address
        yield Page(address, process)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def folders() -> set[Path]:
    """The private folders that are there."""
    return set(Path(tempfile.gettempdir()).glob("dncnn-tf-ui.*"))
