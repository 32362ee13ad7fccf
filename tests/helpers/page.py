"""The real `dncnn-tf ui`, and what its page would ask it for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from conftest import command, command_after

from .waiting import HANGS

SETTINGS = {"task": "denoise", "model": "auto", "sigma": None, "strength": 1.0, "scale": 2}


class Page:
    """Asks a server as its page does.

    Args:
        address: of the page.
        process: the server's.
        temporary: where it puts its private folder.
    """

    def __init__(self, address: str, process: subprocess.Popen, temporary: Path) -> None:
        self.address, self.process, self.temporary = address, process, temporary
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
        return self.process.wait(HANGS)

    def folders(self) -> set[Path]:
        """The private folders that are there: this server's, and those of others with the same place for them."""
        return set(self.temporary.glob("dncnn-tf-ui.*"))


@contextmanager
def served(
    *arguments: object, code: str = "", temporary: Path | None = None, env: Mapping[str, str] = os.environ
) -> Iterator[Page]:
    """Run the command while the block does.

    Args:
        arguments: of the command.
        code: what is run before it, as by `command_after`.
        temporary: the folder for temporary files; None for one that no other process has.
        env: the other variables of its environment.
    """
    given = ("ui", "--no-browser", *arguments)
    with tempfile.TemporaryDirectory() as own:
        temporary = temporary or Path(own)
        process = subprocess.Popen(
            command_after(code, *given) if code else command(*given),
            env={**env, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://"), process.stderr.read() if process.stderr else address
            yield Page(address, process, temporary)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=HANGS)
            finally:
                process.kill()
