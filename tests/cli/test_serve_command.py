"""`dncnn-tf serve`, with a stand-in for the binary that speaks the official gRPC service on the socket it is given."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import command
from helpers.models import trained_like
from helpers.ports import free_port
from helpers.waiting import HANGS, wait_for

from dncnn_tf import OptionError, serve
from dncnn_tf.engines.serving import Client, ServingError
from dncnn_tf.export.exports import export_saved_model

pytest.importorskip("tensorflow_serving")

STAND_IN = """#!{python}
import sys
sys.path.insert(0, {tests!r})
from concurrent.futures import ThreadPoolExecutor
import grpc
from standins import Served, prediction_service_pb2_grpc
options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
assert options["port"] == options["rest_api_port"] == "0", options
assert {folder!r} in open(options["model_config_file"]).read()
server = grpc.server(ThreadPoolExecutor(2))
served = Served({folder!r} + "/small/1", "small")
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(served, server)
server.add_insecure_port("unix:" + options["grpc_socket_path"])
server.start()
server.wait_for_termination()
"""


@pytest.fixture(scope="module")
def model():
    return trained_like()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "exported"
    export_saved_model(model, folder, name="small")
    return folder


def serving(binary_folder: Path, exported: Path, port: int, host: str = "127.0.0.1") -> subprocess.Popen:
    path = f"{binary_folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        command("serve", "--exported", exported, "--host", host, "--port", port),
        env=os.environ | {"PATH": path},
        stderr=subprocess.PIPE,
    )


def wait_for_model(process: subprocess.Popen, port: int, host: str = "127.0.0.1") -> Client:
    """A client, once a server speaks; one that finds none asks again ever more rarely."""

    def speaks() -> bytes:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=HANGS) as connection:
            return connection.recv(1)
        return b""

    wait_for(speaks, unless=process.poll)
    return Client(f"grpc://{host}:{port}", "small")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_it_serves_at_one_address_alone_and_stops_cleanly(model, exported, tmp_path, host) -> None:
    """The stand-in listens at its socket alone, and says so if it is told to listen elsewhere."""
    binary = tmp_path / "tensorflow_model_server"
    tests = str(Path(__file__).parents[1] / "helpers")
    binary.write_text(STAND_IN.format(python=sys.executable, tests=tests, folder=str(exported)))
    binary.chmod(0o755)
    port = free_port()
    process = serving(tmp_path, exported, port, host)
    try:
        noisy = np.random.default_rng(0).random((1, 9, 7, 1), np.float32)
        np.testing.assert_allclose(wait_for_model(process, port, host)(noisy), model(noisy, training=False), atol=1e-5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.3", port), timeout=HANGS)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, notes = process.communicate(timeout=HANGS)
        finally:
            process.terminate()
    assert process.returncode == 130
    assert f"gRPC on {host}:{port}, and nowhere else" in notes.decode()
    assert "Traceback" not in notes.decode()


@pytest.mark.skipif(shutil.which("tensorflow_model_server") is None, reason="tensorflow_model_server is not on PATH")
def test_the_real_server(model, exported) -> None:
    port = free_port()
    process = serving(exported, exported, port)
    try:
        noisy = np.random.default_rng(0).random((1, 9, 7, 1), np.float32)
        np.testing.assert_allclose(wait_for_model(process, port)(noisy), model(noisy, training=False), atol=1e-5)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANGS)


def test_command_lines(dncnn_tf, exported) -> None:
    done = dncnn_tf("serve", "--exported", exported, "--docker", "--dry-run")
    assert done.stdout == (
        f"docker run --rm -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 -v {exported}:/models:ro tensorflow/serving "
        "--model_config_file=/models/models.config\n"
    )


def test_the_library_gives_the_same_command_lines(exported, tmp_path, monkeypatch) -> None:
    binary = tmp_path / "tensorflow_model_server"
    binary.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    notes: list[str] = []
    here = serve(exported, port=1234, dry_run=True, note=notes.append)
    assert here[0] == str(binary)
    assert here[2:4] == ["--port=0", "--rest_api_port=0"]
    assert here[4].startswith("--grpc_socket_path=")
    there = serve(exported, host="192.0.2.1", port=1234, dry_run=True, note=notes.append)
    assert there[2:4] == here[2:4]
    everywhere = serve(str(exported), host="0.0.0.0", port=1234, rest_port=1235, dry_run=True, note=notes.append)
    assert everywhere[2:] == ["--port=1234", "--rest_api_port=1235"]
    assert notes == []
    binary.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ServingError, match="ended with status 3"):
        serve(exported, host="0.0.0.0", note=notes.append)
    assert len(notes) == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", ""])
def test_an_address_of_another_machine_is_refused(exported, tmp_path, monkeypatch, host) -> None:
    binary = tmp_path / "tensorflow_model_server"
    binary.write_text("#!/bin/sh\ntouch started\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="`host`"):
        serve(exported, host=host, port=free_port())
    assert not (tmp_path / "started").exists()


def test_what_is_missing_is_said(dncnn_tf, exported, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    done = dncnn_tf("serve", "--exported", tmp_path / "empty")
    assert (done.returncode, "run dncnn-tf export first" in done.stderr) == (1, True)
    if shutil.which("tensorflow_model_server") is None:
        done = dncnn_tf("serve", "--exported", exported)
        assert (done.returncode, "tensorflow_model_server is not on PATH" in done.stderr) == (1, True)
