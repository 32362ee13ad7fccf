"""An evaluation as a web page: the figures, and every image before and after, under one slider."""

from __future__ import annotations

import html
from pathlib import Path

from ..errors import DnCNNError, printable
from ..viewing.standalone import StandalonePage
from .results import ImageScore, Restoration, Result


class ReportError(DnCNNError):
    """The report cannot be written; the message says why and what to do."""


class EvaluationReport:
    """One file, `index.html`, that holds a page with its pictures.

        report = EvaluationReport("page")
        result = evaluate("dncnn-b", "set12", Setting("denoise", 25), on_image=report.add_image)
        report.add(result)
        report.write("dncnn-b on Set12")

    Args:
        folder: where to write; created if it is missing.
        overwrite: replace a report that is there already.

    Raises:
        ReportError: there is one already.
    """

    def __init__(self, folder: str | Path, *, overwrite: bool = False) -> None:
        folder = Path(folder)
        self.page, self._overwrite = folder / "index.html", overwrite
        if self.page.exists() and not overwrite:
            raise ReportError(f"{self.page}: exists already; give `overwrite` to replace it, or another folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = StandalonePage()
        self._body: list[str] = []
        self._index: list[str] = []

    def add_image(self, score: ImageScore, restoration: Restoration) -> None:
        """Take the three pictures of one image; they are shown small above the next table, and large when chosen."""
        caption = f"{score.input_psnr:.2f} dB → {score.psnr:.2f} dB, SSIM {score.input_ssim:.4f} → {score.ssim:.4f}"
        pictures = {"input": restoration.degraded, "output": restoration.restored, "clean": restoration.clean}
        self._index.append(self._file.add(score.name, caption, pictures))

    def add(self, result: Result) -> None:
        """Add a heading, a table and the pictures since the last one."""
        heading, *rows, average = result.table()
        self._body += [f"<h2>{_text(result.title)}</h2>", '<div class="index">', *self._index, "</div>"]
        self._body += ['<div class="table"><table><thead>', _row("th", heading), "</thead><tbody>"]
        self._body += [_row("td", row) for row in rows]
        self._body += ["</tbody><tfoot>", _row("td", average), "</tfoot></table></div>"]
        self._index = []

    def write(self, title: str) -> None:
        """Write the page."""
        self._file.write(self.page, title, "\n".join(self._body), overwrite=self._overwrite)


def _text(line: str) -> str:
    """What a person is to see of a name."""
    return html.escape(printable(line))


def _row(tag: str, cells: list[str]) -> str:
    """A row; the cells of a heading are buttons, which sort."""
    texts = [_text(cell) for cell in cells]
    shown = (f'<button type="button">{text}</button>' for text in texts) if tag == "th" else texts
    return "<tr>" + "".join(f"<{tag}>{text}</{tag}>" for text in shown) + "</tr>"
