"""TensorFlow Serving on exported models, by its binary or its container."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..engines.serving import ServingError
from ..errors import OptionError, first_line
from .serving_config import MODELS_CONFIG, models_config

_BINARY = "tensorflow_model_server"
_IMAGE = "tensorflow/serving"
_EVERYWHERE = "0.0.0.0"


def serve(
    exported: str | Path = "exported",
    *,
    host: str = "127.0.0.1",
    port: int = 8500,
    rest_port: int = 8501,
    docker: bool = False,
    dry_run: bool = False,
    note: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Serve every exported model until the server ends, or this is interrupted.

    The binary itself listens on every interface or on a socket. It does the former on "0.0.0.0" alone; for any other
    `host` it is given a socket, and gRPC is forwarded to it from that address. REST is there with `docker`, or on
    "0.0.0.0".

    Args:
        exported: folder of all exports.
        host: the address of this machine to listen at; "0.0.0.0" for all of them. Whoever reaches it may use the
            models: there are no passwords.
        port: for gRPC.
        rest_port: for REST.
        docker: run the official container instead of the binary on PATH.
        dry_run: run nothing.
        note: called with a line about what is run.

    Returns:
        The server's command line.

    Raises:
        ServingError: there is nothing to serve, the server is not installed, or it ended with another status than 0.
        OptionError: `host` is not an address of this machine.
    """
    if not host:
        raise OptionError(f"`host` is an address of this machine, such as 127.0.0.1, or {_EVERYWHERE} for all of them")
    exported = Path(exported)
    if not any(exported.glob("*/*/saved_model.pb")):
        raise ServingError(f"{exported}: no SavedModel in it; run dncnn-tf export first, export_saved_model in Python")
    with tempfile.TemporaryDirectory(prefix="dncnn-tf-serve.") as work:
        forwarding = None
        if docker:
            arguments = _container(exported, host, port, rest_port)
        elif host == _EVERYWHERE:
            arguments = [*_binary(exported, Path(work)), f"--port={port}", f"--rest_api_port={rest_port}"]
        else:
            forwarding = _Forwarding(host, port, Path(work) / "grpc.sock")
            on_socket = ["--port=0", "--rest_api_port=0", f"--grpc_socket_path={forwarding.socket}"]
            arguments = [*_binary(exported, Path(work)), *on_socket]
        if dry_run:
            return arguments
        note(shlex.join(arguments))
        if forwarding:
            note(f"gRPC on {host}:{port}, and nowhere else")
        if status := asyncio.run(_run(arguments, forwarding)):
            raise ServingError(f"{arguments[0]}: ended with status {status}; its messages stand above")
    return arguments


def _container(exported: Path, host: str, port: int, rest_port: int) -> list[str]:
    address = f"[{host}]" if ":" in host else host
    ports = ["-p", f"{address}:{port}:8500", "-p", f"{address}:{rest_port}:8501"]
    models = ["-v", f"{exported.resolve()}:/models:ro"]
    return ["docker", "run", "--rm", *ports, *models, _IMAGE, f"--model_config_file=/models/{MODELS_CONFIG}"]


def _binary(exported: Path, work: Path) -> list[str]:
    """The server and its list of models, which is written into `work`."""
    binary = shutil.which(_BINARY)
    if binary is None:
        raise ServingError(
            f"{_BINARY} is not on PATH; install TensorFlow Serving's package of that name, or give `docker` to run its "
            "container"
        )
    config = work / MODELS_CONFIG
    config.write_text(models_config(exported, str(exported.resolve())), encoding="utf-8")
    return [binary, f"--model_config_file={config}"]


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


async def _listen(forwarding: _Forwarding) -> asyncio.Server:
    host, port = forwarding.host, forwarding.port
    try:
        return await asyncio.start_server(forwarding.connect, host, port)
    except OSError as failure:
        raise OptionError(
            f"`host` and `port` must be an address of this machine and free. Received: {host}, {port} "
            f"({first_line(failure.strerror or failure)})"
        ) from None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(2**16):
            writer.write(content)
            await writer.drain()
    writer.close()


async def _run(arguments: list[str], forwarding: _Forwarding | None) -> int:
    """Run a server until it ends or this is cancelled, when it is stopped; its exit status."""
    async with contextlib.AsyncExitStack() as stack:
        if forwarding:
            await stack.enter_async_context(await _listen(forwarding))
        process = await asyncio.create_subprocess_exec(*arguments)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
