"""Every benchmark is in the index, with the command that starts it and the page that it leaves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
INDEX = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
SCRIPTS = [path for path in BENCHMARKS.rglob("*.py") if 'if __name__ == "__main__":' in path.read_text("utf-8")]
PAGES = [path for path in BENCHMARKS.rglob("*.md") if path.parent != BENCHMARKS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_is_in_the_index_by_the_command_that_its_docstring_names(script: Path) -> None:
    command = f"python -m benchmarks.{script.parent.name}.{script.stem}"
    assert re.search(rf"{re.escape(command)}\b", INDEX)
    assert command in script.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_page_is_in_the_index_beside_its_script_and_names_its_command(page: Path) -> None:
    place = page.relative_to(BENCHMARKS).as_posix()
    assert f"({place})" in INDEX
    assert page.with_suffix(".py") in SCRIPTS
    assert f"python -m benchmarks.{page.parent.name}.{page.stem}" in page.read_text("utf-8")


def test_the_index_links_to_nothing_that_is_not_there() -> None:
    assert [link for link in re.findall(r"\]\(([^)]+)\)", INDEX) if not (BENCHMARKS / link).exists()] == []
