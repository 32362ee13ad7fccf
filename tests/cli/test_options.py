"""Options that commands share, their old names, and the progress bar."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from conftest import command
from PIL import Image


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    Image.effect_noise((40, 30), 60).save(path)
    return path


def test_runtime_is_understood_and_said_to_be_engine(dncnn_tf, picture, model, tmp_path) -> None:
    results = []
    for option in ("--runtime", "--engine"):
        target = tmp_path / f"{option}.png"
        done = dncnn_tf("denoise", picture, "-o", target, "--model", model, option, "onnxruntime")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ("--runtime is called --engine now\n" if option == "--runtime" else "")
        results.append(target.read_bytes())
    assert results[0] == results[1]
    assert dncnn_tf("denoise", picture, "--runtime", "abacus").returncode == 2


@pytest.mark.parametrize("name", ["denoise", "request"])
def test_where_it_is_done_was_called_engine(dncnn_tf, picture, name) -> None:
    done = dncnn_tf(name, picture, "--engine", "local", "--dry-run")
    assert done.returncode == 0
    assert done.stderr == "--engine local is called --on local now\n"
    assert dncnn_tf(name, picture, "--engine", "local", "--dry-run", "-q").stderr == ""
    refused = dncnn_tf(name, picture, "-o", "-", "--engine", "ray")
    assert refused.returncode == 2
    assert "--engine ray is called --on ray now" in refused.stderr
    assert "--on ray works on files" in refused.stderr


@pytest.mark.parametrize("name", ["denoise", "deblock", "upscale", "request"])
def test_help_shows_the_new_names_alone(dncnn_tf, name) -> None:
    text = dncnn_tf(name, "--help").stdout
    assert "--on [local|ray]" in text
    assert "--runtime" not in text
    assert ("--engine [auto|openvino" in text) == (name != "request")


def test_stderr_is_the_command_s_alone_with_every_engine(dncnn_tf, picture, model, tmp_path) -> None:
    for engine in ("keras", "litert"):  # TensorFlow says much as it starts
        target = tmp_path / f"{engine}.png"
        done = dncnn_tf("denoise", picture, "-o", target, "--model", model, "--engine", engine)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{target}\n")


def test_a_bar_is_shown_on_a_terminal_alone(picture, model, tmp_path) -> None:
    for quiet in (False, True):
        primary, secondary = pty.openpty()
        arguments = command("denoise", picture, "-o", tmp_path / f"{quiet}.png", "--model", model)
        process = subprocess.Popen([*arguments, *["-q"] * quiet], stdout=subprocess.PIPE, stderr=secondary)
        os.close(secondary)
        shown = b""
        try:
            while some := os.read(primary, 4096):
                shown += some
        except OSError:  # a terminal whose other end is closed
            pass
        os.close(primary)
        assert process.communicate(timeout=60)[0] == f"{tmp_path}/{quiet}.png\n".encode()
        assert process.returncode == 0
        assert all((text in shown) == (not quiet) for text in (b"0/1", b"1/1", b"pictures"))
