"""`dncnn-tf serve`: start TensorFlow Serving on the exported models."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from ..common import command, note

_BINARY = "tensorflow_model_server"
_IMAGE = "tensorflow/serving"
_LOOPBACK = ("127.0.0.1", "localhost")


@command("serve")
@click.option(
    "--exported",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="exported",
    show_default=True,
    metavar="DIR",
    help="Where dncnn-tf export has written.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: reachable from other machines.")
@click.option("--port", type=click.IntRange(1, 65535), default=8500, show_default=True, help="gRPC.")
@click.option("--rest-port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="REST.")
@click.option("--docker", is_flag=True, help="Run the official container instead of the binary on PATH.")
@click.option("--dry-run", is_flag=True, help="Only print the server's command line.")
def serve(exported: Path, host: str, port: int, rest_port: int, docker: bool, dry_run: bool) -> None:
    """Serve every exported model with TensorFlow Serving, on this machine alone unless --host says otherwise.

    The binary itself listens on every interface or on a socket: on 127.0.0.1 it is given a socket, and gRPC is
    forwarded to it. REST is there with --docker, or with --host 0.0.0.0.

    \b
    dncnn-tf export --model dncnn-b
    dncnn-tf serve &
    dncnn-tf request photo.png --model dncnn-b
    """
    from dncnn_tf.export.serving_config import models_config

    if not any(exported.glob("*/*/saved_model.pb")):
        raise FileNotFoundError(f"{exported}: no SavedModel in it; run dncnn-tf export first")
    if docker:
        _run([*_container(exported, host, port, rest_port)], None, dry_run)
        return
    binary = shutil.which(_BINARY)
    if binary is None:
        raise FileNotFoundError(
            f"{_BINARY} is not on PATH; install TensorFlow Serving's package of that name, or run its container: "
            "dncnn-tf serve --docker"
        )
    with tempfile.TemporaryDirectory(prefix="dncnn-tf-serve.") as work:
        config = Path(work) / "models.config"
        config.write_text(models_config(exported, str(exported.resolve())), encoding="utf-8")
        arguments = [binary, f"--model_config_file={config}"]
        if host in _LOOPBACK:
            socket = Path(work) / "grpc.sock"
            arguments += ["--port=0", "--rest_api_port=0", f"--grpc_socket_path={socket}"]
            _run(arguments, _Forwarding(host, port, socket), dry_run)
        else:
            _run([*arguments, f"--port={port}", f"--rest_api_port={rest_port}"], None, dry_run)


@dataclass(frozen=True)
class _Forwarding:
    """From a TCP port to a server's socket."""

    host: str
    port: int
    socket: Path

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one connection to the socket, until either side ends."""
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(self.socket)
        except OSError:  # the server is still starting
            writer.close()
            return
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(2**16):
            writer.write(content)
            await writer.drain()
    writer.close()


def _container(exported: Path, host: str, port: int, rest_port: int) -> list[str]:
    ports = ["-p", f"{host}:{port}:8500", "-p", f"{host}:{rest_port}:8501"]
    models = ["-v", f"{exported.resolve()}:/models:ro"]
    return ["docker", "run", "--rm", *ports, *models, _IMAGE, "--model_config_file=/models/models.config"]


def _run(arguments: list[str], forwarding: _Forwarding | None, dry_run: bool) -> None:
    """Run a server until it ends or is stopped; its exit status is ours."""
    if dry_run:
        click.echo(shlex.join(arguments))
        return
    note(shlex.join(arguments))
    if forwarding:
        note(f"gRPC on {forwarding.host}:{forwarding.port}, of this machine alone")
    status = asyncio.run(_server(arguments, forwarding))
    if status:
        raise ChildProcessError(f"{arguments[0]}: ended with status {status}; its messages stand above")


async def _server(arguments: list[str], forwarding: _Forwarding | None) -> int:
    async with contextlib.AsyncExitStack() as stack:
        if forwarding:
            listener = await asyncio.start_server(forwarding.connect, forwarding.host, forwarding.port)
            await stack.enter_async_context(listener)
        process = await asyncio.create_subprocess_exec(*arguments)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
