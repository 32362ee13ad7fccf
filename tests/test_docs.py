"""What the README and the guides say can be typed: every command that they show exists, with every option."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cli.main import cli
from dncnn_tf import demonstrate, read_card, shipped_models

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "exported/README.md")] + sorted((ROOT / "docs").rglob("*.md"))
_SHOWN = re.compile(r"(?:^|`|exec |/bin/)dncnn-tf ([a-z][^`\n]*)", re.MULTILINE)


def shown() -> list[tuple[str, str]]:
    """Page and command line of every `dncnn-tf …` in the pages, up to a comment, a pipe or an `&&`."""
    return [
        (page.name, re.split(r"\s+(?:#|\||&&?|>|<)|[;)]", line)[0])
        for page in PAGES
        for line in _SHOWN.findall(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("page", "line"), sorted(set(shown())))
def test_a_command_on_a_page_exists_with_its_options(page: str, line: str) -> None:
    name, *words = shlex.split(line)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, line
    if isinstance(command, click.Group) and words:
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    asked = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert asked <= known | {"--help"}


def test_the_page_on_training_has_the_commands_that_made_the_models_in_their_order() -> None:
    lines = [line.split("  #")[0].strip() for line in (ROOT / "docs/guides/training.md").read_text().splitlines()]
    for name in shipped_models():
        places = [lines.index(command) for command in read_card(name)["command"].split(" && ")]
        assert places == sorted(places)


def test_the_readme_is_short_and_holds_the_command_that_ci_runs() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 180
    marker = lines.index("<!-- test command -->")
    assert lines[marker + 1] == "```"
    assert lines[marker + 2].startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert lines[marker + 2].endswith("&& .venv/bin/pytest")


def test_the_readme_says_what_the_first_command_shows(tmp_path: Path) -> None:
    pictures = demonstrate(tmp_path)
    said = f"`dncnn-demo/{pictures.comparison.name}`: {pictures.noisy:.2f} dB before, {pictures.denoised:.2f} dB after"
    assert said in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
