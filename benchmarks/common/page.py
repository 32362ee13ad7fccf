"""The Markdown page on which a benchmark leaves its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.machine import describe_machine
from dncnn_tf.files import atomic_path


def write_page(page: Path, title: str, how: str, lines: Sequence[str], *, machine: bool = True) -> None:
    """Write title, how the figures were made, and the figures.

    Args:
        page: the Markdown file, beside the script that makes it.
        title: its heading.
        how: the command first; in whole sentences.
        lines: of the rest.
        machine: say which machine it was, for figures that depend on it.
    """
    made = f"{how} {describe_machine()}." if machine else how
    with atomic_path(page) as path:
        path.write_text("\n".join([f"# {title}", "", made, "", *lines, ""]), encoding="utf-8")
