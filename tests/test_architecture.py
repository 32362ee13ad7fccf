"""The arrows between the rooms: the contracts in pyproject.toml, and what they cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted(path for path in (ROOT / "dncnn_tf").rglob("*.py") if path.name != "__main__.py")
CLI = sorted((ROOT / "cli").rglob("*.py"))
COMMANDS = [path for path in CLI if path.parent.name == "commands" and path.name != "__init__.py"]
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


def _imports_of_the_library(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Modules of the library that a file imports, with the names that it takes from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if alias.name.split(".")[0] == "dncnn_tf")
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "dncnn_tf":
            yield node.module, [alias.name for alias in node.names]


@pytest.mark.parametrize("path", CLI, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_command_line_takes_public_names_alone(path: Path) -> None:
    import dncnn_tf

    for module, names in _imports_of_the_library(path):
        assert module in ("dncnn_tf", "dncnn_tf.errors", "dncnn_tf.files"), module
        if module == "dncnn_tf":
            assert set(names) <= {*dncnn_tf.__all__, "__version__"}


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_is_short(path: Path) -> None:
    """Options in, lines out: what is longer belongs to the library. Declared options and texts do not count."""
    text = path.read_text(encoding="utf-8")
    left_out = {
        line
        for node in ast.walk(ast.parse(text))
        for part in (*getattr(node, "decorator_list", ()), *([node] if _is_text(node) else ()))
        for line in range(part.lineno, part.end_lineno + 1)
    }
    lines = [line.strip() for i, line in enumerate(text.splitlines(), 1) if i not in left_out]
    assert len([line for line in lines if line and not line.startswith("#")]) <= 60


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
