"""What commands say, whatever files are called and wherever it goes: few letters, closed and broken pipes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from conftest import command
from PIL import Image

from dncnn_tf.images.content import UNKNOWN

NAMES = ["[red]a[bold].png", ":smile:.png", "\x1b[31mred\x1b[0m\x07.png", "two\nlines.png", "\x9b31m.png", "ünï 写.png"]
STRANGE = [*NAMES, os.fsdecode(b"\xff\xfe bytes.png")]


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    for name in STRANGE:
        Image.effect_noise((24, 24), 50).save(tmp_path / "in" / name)
    return tmp_path / "in"


def run(*arguments: object, timeout: float = 120, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), capture_output=True, timeout=timeout, **options)


def is_plain(text: str) -> bool:
    """Whether a terminal shows it and does nothing else, and it is text."""
    return all(char.isprintable() for char in text.replace("\n", "").replace("\r", ""))


def test_inspect_names_files_as_they_are_called(folder) -> None:
    done = run("inspect", folder, "--json", folder / "said.json")
    shown = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert is_plain(shown)
    for part in (
        "/[red]a[bold].png\n",
        r"\x1b[31mred\x1b[0m\x07.png",
        r"two\nlines.png",
        r"\x9b31m",
        r"\udcff\udcfe byt",
    ):
        assert part in shown
    for text in ((folder / "said.json").read_bytes(), run("inspect", folder, "--json", "-").stdout):
        assert is_plain(text.decode("utf-8"))
        files = {os.fsencode(image["file"]) for image in json.loads(text)["images"]}
        assert files == {os.fsencode(folder / name) for name in STRANGE}


def test_a_failure_of_such_a_name_is_in_the_report(folder, model) -> None:
    bad = folder / os.fsdecode(b"\xff\x1b[31mbad.png")
    bad.write_text("no picture")
    done = run("denoise", folder, "--model", model, "-o", folder / "out", "--report", folder / "report.json")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (done.returncode, report["done"]) == (1, len(STRANGE))
    assert r"\udcff\x1b[31mbad.png: not an image" in report["failed"][0]


def test_results_on_a_terminal_are_shown_and_in_a_pipe_are_names(folder, model) -> None:
    """A program gets the bytes that it can open; a person no escapes."""
    piped = run("denoise", folder, "--model", model, "-q").stdout
    for name in STRANGE:
        assert os.fsencode(folder / name).replace(b".png", b"_denoised.png") in piped
    ours, theirs = pty.openpty()
    with subprocess.Popen(command("denoise", folder, "--model", model, "-q", "--overwrite"), stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert is_plain(shown.decode())
    assert rb"\x1b[31mred" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 10_000)
    except OSError:  # how a terminal says that nobody has it open any more
        return b""


def test_tables_and_web_pages_of_an_evaluation(folder, model, tmp_path) -> None:
    done = run("evaluate", "--model", model, "--data", folder, "--sigma", "25", "--report", tmp_path / "page",
               "--json", tmp_path / "figures.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page/index.html").read_text(encoding="utf-8")
    for text in (done.stdout.decode(), page):
        assert is_plain(text)
        for part in ("[red]a[bold]", ":smile:", r"\x1b[31mred", r"two\nlines", r"\udcff\udcfe bytes"):
            assert part in text
    images = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["results"][0]["images"]
    assert {image["name"] for image in images} == {Path(name).stem for name in STRANGE}


@pytest.mark.parametrize("encoding", ["latin-1", "cp437"])
def test_terminals_of_few_letters(folder, encoding) -> None:
    few = os.environ | {"PYTHONIOENCODING": encoding}
    done = run("inspect", folder, env=few)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("σ" if encoding == "cp437" else "sigma") in done.stdout.decode(encoding)
    models = run("models", env=few)
    assert (models.returncode, models.stderr) == (0, b"")
    assert json.loads(run("models", "--json", "-", env=few).stdout.decode("utf-8"))[0]["name"]
    assert run("models", env=os.environ | {"LC_ALL": "C"}).returncode == 0


def shell(line: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with `"$@"` in its place."""
    whole = ["sh", "-c", line, "sh", *command(*arguments)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(model, tmp_path, closed) -> None:
    """What is written goes into its file, never into one that was opened in place of a stream."""
    Image.effect_noise((24, 24), 50).save(tmp_path / "a.png")
    (tmp_path / "bad.png").write_text("no picture")
    done = shell(f'"$@" {closed}', "denoise", tmp_path, "--model", model)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.count("error: ") == ("2>" not in closed)
    with Image.open(tmp_path / "a_denoised.png") as result:
        assert result.size == (24, 24)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_denoised.png", "bad.png"]
    for arguments in (("models",), ("inspect", tmp_path / "a.png"), ("data", "list", "-q")):
        done = shell(f'"$@" {closed}', *arguments)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_result_for_a_closed_stream_is_refused(model, tmp_path) -> None:
    Image.effect_noise((24, 24), 50).save(tmp_path / "a.png")
    for arguments in (("models", "--json", "-"), ("denoise", tmp_path / "a.png", "--model", model, "-o", "-")):
        done = shell('"$@" >&-', *arguments)
        assert done.returncode == 2
        assert "the result would go to stdout, which is closed; name a file instead" in done.stderr
    done = shell('"$@" <&-', "denoise", "-", "--model", model, "-o", tmp_path / "b.png")
    assert (done.returncode, done.stderr) == (1, "error: standard input: empty, 0 bytes; get a whole copy\n")


@pytest.mark.parametrize("line", ['"$@" | head -1', '"$@" 2>&1 | head -1', '"$@" 2>&1 | true'])
def test_readers_who_leave_early(folder, model, line) -> None:
    """Of stdout or of both streams: no traceback, no half file, and every file is done."""
    (folder / "bad.png").write_text("no picture")
    for arguments in (("models",), ("inspect", folder), ("denoise", folder, "--model", model, "--strength", 0.5)):
        assert shell(line, *arguments).stderr in ("", f"error: {folder}/bad.png: {UNKNOWN}\n")
    assert len(list(folder.glob("*_denoised.png"))) == len(STRANGE)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
