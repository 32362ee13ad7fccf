"""What holds for every command: quick help, exit statuses, errors in one line."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dncnn_tf import __version__

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "benchmark",
    "convert",
    "data",
    "deblock",
    "demo",
    "denoise",
    "evaluate",
    "export",
    "finetune",
    "inspect",
    "models",
    "request",
    "serve",
    "train",
    "ui",
    "upscale",
)


def test_version(dncnn_tf) -> None:
    assert dncnn_tf("--version").stdout.strip() == f"dncnn-tf, version {__version__}"


def test_help_names_every_command(dncnn_tf) -> None:
    text = dncnn_tf("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["models"], *([name, "--help"] for name in COMMANDS), ["train", "--nonsense"]]
)
def test_answers_without_importing_what_takes_seconds(arguments: list[str]) -> None:
    script = (
        "import sys, runpy; sys.argv[1:] = sys.argv[1:]\n"
        "try: runpy.run_module('dncnn_tf', run_name='__main__')\n"
        "finally: print(sorted({'tensorflow', 'keras', 'skimage', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert done.returncode == (2 if "--nonsense" in arguments else 0)


def test_an_unknown_command_is_a_usage_error(dncnn_tf) -> None:
    done = dncnn_tf("frobnicate")
    assert done.returncode == 2
    assert "No such command" in done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=lambda path: path.name)
def test_commands_share_no_code_but_by_import(path: Path) -> None:
    """`cli` is installed as dncnn_tf.cli: an absolute import of `cli` would break there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "cli" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module.split(".")[0] != "cli"
