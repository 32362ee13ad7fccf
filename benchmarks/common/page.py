"""The Markdown page on which a benchmark leaves its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.machine import describe_machine
from dncnn_tf.files import atomic_path


def write_page(page: Path, title: str, how: str, lines: Sequence[str]) -> None:
    """Write title, how the figures were made, on which machine, and the figures."""
    with atomic_path(page) as path:
        path.write_text("\n".join([f"# {title}", "", f"{how} {describe_machine()}.", "", *lines, ""]), encoding="utf-8")
