"""The arrows between the rooms: the contracts in pyproject.toml, and what they cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted(path for path in (ROOT / "dncnn_tf").rglob("*.py") if path.name != "__main__.py")
ROOMS = sorted(path for path in (ROOT / "dncnn_tf").rglob("__init__.py") if path.parent != ROOT / "dncnn_tf")


def test_the_contracts_between_the_rooms_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.parent.name)
def test_a_room_says_what_it_is_for_and_imports_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_does_not_print(path: Path) -> None:
    names = {node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)}
    assert "print" not in names


def test_no_module_has_the_name_of_a_public_function() -> None:
    import dncnn_tf

    assert not {path.stem for path in LIBRARY} & set(dncnn_tf.__all__)
