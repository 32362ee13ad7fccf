"""Debian's Chromium, driven by Selenium with Debian's own driver."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from .waiting import HANGS

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))


class Browser:
    """What a person does with a page, and sees of it.

    Args:
        driver: Selenium's.
        downloads: the folder that files are saved in.
    """

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads
        self._requests: list[str] = []

    def open(self, address: str, *, width: int = 1000, height: int = 800, dark: bool = False) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=scheme)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        self.driver.get(address)

    def command(self, name: str, **options: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, options)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def element(self, css: str) -> Any:
        return self.driver.find_element("css selector", css)

    def text(self, css: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", css)

    def wait(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + HANGS
        while not (found := condition()):
            assert time.monotonic() < end, f"{self.text('#failure')} {self.driver.get_log('browser')}"
            time.sleep(0.05)
        return found

    def wait_for_result(self, name: str) -> None:
        """Wait until a picture is shown with its result."""
        after = (
            "return document.querySelector('#stage .divider:not([hidden])') && document.querySelector('#work').hidden"
        )
        self.wait(lambda: name in self.text("#command") and self.run(after))
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def drop(self, *files: Path) -> None:
        """Drop files on the page as the window system does."""
        for kind in ("dragEnter", "dragOver", "drop"):
            data = {"items": [], "files": list(map(str, files)), "dragOperationsMask": 1}
            self.command("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)

    def set(self, css: str, value: object) -> None:
        """Move a control, as if by hand."""
        self.run(
            "arguments[0].value = arguments[1];"
            "for (const kind of ['input', 'change']) arguments[0].dispatchEvent(new Event(kind, {bubbles: true}))",
            self.element(css),
            value,
        )
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def canvas(self) -> np.ndarray:
        """What the slider has drawn, uint8 (H, W, 4)."""
        address = self.run("return document.querySelector('.slider canvas').toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))

    def downloaded(self, name: str) -> bytes:
        """A file, when it is there."""
        self.wait((self.downloads / name).exists)
        return (self.downloads / name).read_bytes()

    def requests(self) -> list[str]:
        """Every address that the browser's pages have asked for."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        return self._requests


@contextmanager
def browser(downloads: Path) -> Iterator[Browser]:
    """A new browser, without a window."""
    options = Options()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1000,800"):
        options.add_argument(argument)
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver, downloads)
    finally:
        driver.quit()
