"""An evaluation as a web page: the figures, and every image before and after."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import DnCNNError, printable
from ..files import atomic_path
from ..images.arrays import from_float
from .results import ImageScore, Restoration, Result

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 2em; }}
td, th {{ padding: 0.2em 0.8em; text-align: right; }}
td:first-child, th:first-child {{ text-align: left; }}
figure {{ display: inline-block; margin: 0.5em; }}
img {{ max-width: 30vw; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


class ReportError(DnCNNError):
    """The report cannot be written; the message says why and what to do."""


class EvaluationReport:
    """`index.html` and the pictures beside it.

        report = EvaluationReport(Path("page"))
        result = evaluate("dncnn-b", "set12", Setting("denoise", 25), on_image=report.add_image)
        report.add(result)
        report.write("dncnn-b on Set12")

    Args:
        folder: where to write; created if it is missing.
        overwrite: replace a report that is there already.

    Raises:
        ReportError: there is one already.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        self.page, self._overwrite = folder / "index.html", overwrite
        taken = next((path for path in (self.page, *folder.glob("[0-9]*-*.png")) if path.exists()), None)
        if taken and not overwrite:
            raise ReportError(f"{taken}: exists already; give `overwrite` to replace it, or another folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._body: list[str] = []
        self._figures: list[str] = []
        self._pictures = 0

    def add_image(self, score: ImageScore, restoration: Restoration) -> None:
        """Write the three pictures of one image; they are shown below the next table."""
        pictures = {"clean": restoration.clean, "input": restoration.degraded, "output": restoration.restored}
        self._pictures += 1
        self._figures.append(f"<h3>{_text(score.name)}: {score.psnr:.2f} dB, SSIM {score.ssim:.4f}</h3>")
        for kind, picture in pictures.items():
            name = f"{self._pictures:04d}-{kind}.png"
            _write_png(self.page.parent / name, picture, self._overwrite)
            caption = f"<figcaption>{kind}</figcaption>"
            self._figures.append(f'<figure><img src="{name}" alt="{kind}">{caption}</figure>')

    def add(self, result: Result) -> None:
        """Add a heading, a table and the pictures since the last one."""
        heading, *rows = result.table()
        self._body += [f"<h2>{_text(result.title)}</h2>", "<table>", _row("th", heading)]
        self._body += [_row("td", row) for row in rows]
        self._body += ["</table>", *self._figures]
        self._figures = []

    def write(self, title: str) -> None:
        """Write the page."""
        page = _PAGE.format(title=_text(title), body="\n".join(self._body))
        with atomic_path(self.page, overwrite=self._overwrite) as path:
            path.write_text(page, encoding="utf-8")


def _text(line: str) -> str:
    """What a person is to see of a name."""
    return html.escape(printable(line))


def _row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"


def _write_png(target: Path, picture: np.ndarray, overwrite: bool) -> None:
    pixels = from_float(picture, np.uint8)
    with atomic_path(target, overwrite=overwrite) as path:
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
