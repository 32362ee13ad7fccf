"""One file that holds a page, its pictures and the slider that shows them; it asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import IO, Any

import numpy as np

from ..errors import printable
from ..files import atomic_path
from ..images.orientation import orientation, upright
from ..images.picture import Picture
from .encoding import as_image, as_png, as_thumbnail

_STYLES = ("colors.css", "slider.css", "standalone.css")
_SCRIPTS = ("gestures.js", "slider.js", "standalone.js")
_IMPORT = re.compile(r"^import .*\n", re.MULTILINE)


class StandalonePage:
    """Pictures come one after the other, and wait on the disk until the page is written."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._pictures: IO[str] = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115  as long as this
        self._written: set[str] = set()

    def add(self, name: str, caption: str, pictures: Mapping[str, np.ndarray], icc: bytes | None = None) -> str:
        """Add pictures that are to be compared.

        Args:
            name: what they are of.
            caption: what there is to say.
            pictures: by what each is called, (H, W, 1 to 4) of any type, all of one size; the first is shown left of
                the divider, the second right of it.
            icc: their colour profile.

        Returns:
            HTML of a button that opens them, with the second one small.
        """
        name = printable(name)
        images = {kind: as_image(pixels) for kind, pixels in pictures.items()}
        files = {kind: self._write(as_png(image, icc)) for kind, image in images.items()}
        self._entries.append({"name": name, "caption": caption, "files": files})
        small = base64.b64encode(as_thumbnail(list(images.values())[1])).decode()
        image = f'<img src="data:image/jpeg;base64,{small}" alt="">'
        label = f"<span>{html.escape(name)}</span>"
        return f'<button type="button" value="{len(self._entries) - 1}">{image}{label}</button>'

    def parts(self, title: str, body: str = "") -> Iterable[str]:
        """The page's text, a part at a time.

        Args:
            title: plain text.
            body: HTML, shown below the pictures.
        """
        style = "\n".join(map(_file, _STYLES))
        yield Template(_file("standalone.html")).substitute(title=html.escape(printable(title)), style=style, body=body)
        self._pictures.seek(0)
        while some := self._pictures.read(2**20):
            yield some
        self._pictures.seek(0, 2)
        entries = json.dumps(self._entries).replace("<", "\\u003c")
        yield f'<script type="application/json" id="entries">{entries}</script>\n'
        script = "\n".join(_IMPORT.sub("", _file(name)) for name in _SCRIPTS)
        yield f'<script type="module">\n{script}\n</script>\n</body>\n</html>\n'

    def write(self, target: Path, title: str, body: str = "", *, overwrite: bool = False) -> None:
        """Write the page in one step; arguments as for `parts`, and whether a file that is there is replaced."""
        with atomic_path(target, overwrite=overwrite) as path, path.open("w", encoding="utf-8") as file:
            file.writelines(self.parts(title, body))

    def _write(self, content: bytes) -> str:
        """Put a picture where it waits, once; what it is known by."""
        id = f"p{hashlib.blake2b(content, digest_size=12).hexdigest()}"
        if id not in self._written:
            self._written.add(id)
            text = base64.b64encode(content).decode()
            self._pictures.write(f'<script type="text/plain" id="{id}">{text}</script>\n')
        return id


def comparison_page(before: Picture, after: Picture, title: str) -> bytes:
    """A file with one picture before and after, as it is seen: upright, with its profile."""
    page = StandalonePage()
    pictures = {kind: upright(_seen(each), orientation(each)) for kind, each in (("before", before), ("after", after))}
    height, width = pictures["before"].shape[:2]
    page.add("", f"{width} × {height}", pictures, before.icc)
    return "".join(page.parts(title)).encode()


def _seen(picture: Picture) -> np.ndarray:
    return picture.levels if picture.alpha is None else np.dstack([picture.levels, picture.alpha])


def _file(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
