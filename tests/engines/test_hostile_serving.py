"""The client against servers that answer late, with too much, or with what is no picture: one line, in time."""

from __future__ import annotations

import contextlib
import gzip
import json
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.hostile_servers import OK, Server, dripping, endless, serving, silent, whole
from helpers.waiting import HANGS

from dncnn_tf.engines.serving import Client, ServingError

grpc = pytest.importorskip("grpc")
pytest.importorskip("tensorflow_serving")
from google.protobuf import any_pb2  # noqa: E402
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc  # noqa: E402

NOISY = np.full((1, 5, 7, 1), 0.5, np.float32)
MOST_IN_TRANSIT = 30_000_000
INPUTS = {"noisy": {"tensor_shape": {"dim": [{"size": "-1"}, {"size": "-1"}, {"size": "-1"}, {"size": "1"}]}}}
METADATA = json.dumps({"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": INPUTS}}}}})


def failure(call: Callable[[], object]) -> str:
    """The one line that a call ends in, if it does not hang."""
    begun = time.monotonic()
    with pytest.raises(ServingError) as raised:
        call()
    assert time.monotonic() - begun < HANGS
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000
    return str(raised.value)


def opened(url: str, **options: object) -> Client:
    return Client(url, "small", **{"timeout": HANGS, "attempts": 1} | options)


# REST


@pytest.mark.parametrize(
    "answer",
    [silent(), dripping(OK[:-2]), silent(OK + b"\r\n"), dripping(OK + b"\r\n")],
    ids=["no answer", "a slow head", "no body", "a slow body"],
)
def test_the_time_limit_is_for_all_of_it(answer) -> None:
    with serving(answer) as server:
        assert "no answer" in failure(lambda: opened(server.url, timeout=0.3, attempts=5))


@pytest.mark.parametrize("answer", [silent(), silent(OK + b"\r\n")], ids=["no answer", "no body"])
def test_whoever_notices_first_that_time_is_up_says_the_same(answer, monkeypatch) -> None:
    """The connection, which is waited for as long as the whole; here it is the only one that looks at the clock."""
    monkeypatch.setattr("dncnn_tf.web.within", lambda seconds, call: call())
    with serving(answer) as server:
        assert failure(lambda: opened(server.url, timeout=0.3)).endswith(
            ": no answer within 0.3 seconds; give more as `timeout`"
        )


def test_a_server_that_asks_to_wait_too_long_is_not_waited_for() -> None:
    with serving(whole("503 Busy", b'{"error": "starting"}', "Retry-After: 3600")) as server:
        assert failure(lambda: opened(server.url, attempts=5)).endswith("503: starting")
        assert len(server.requests) == 1


def test_attempts_end_with_the_time(monkeypatch) -> None:
    """By a clock that goes on in pauses alone: of 0.2, 0.4, 0.8, 1.6 and 3.2 seconds, and of 5 from then on."""
    pauses = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr("dncnn_tf.engines.serving_rest.time", clock)
    with serving(whole("503 Busy", b'{"error": "starting"}')) as server:
        assert "503: starting" in failure(lambda: opened(server.url, timeout=60, attempts=1000))
        assert len(server.requests) == 1 + len(pauses)
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, *[5] * 10])


def test_no_redirect_is_followed() -> None:
    with serving(whole("200 OK", METADATA.encode())) as other:
        for status in ("301 Moved", "302 Found", "307 There", "308 There"):
            with serving(whole(status, b"", f"Location: {other.url}/")) as server:
                assert f"sends on to {other.url}/; give that as `url`" in failure(lambda: opened(server.url))
        assert other.requests == []


@pytest.mark.parametrize(
    "start",
    [OK + b"\r\n", b"HTTP/1.1 500 Oh\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"],
    ids=["answer", "error", "redirect"],
)
def test_no_more_is_read_than_was_asked_for(start) -> None:
    with serving(endless(start, bytes(10**6))) as server:
        failure(lambda: opened(server.url))
        assert server.sent < MOST_IN_TRANSIT


def test_nothing_is_unpacked() -> None:
    content = gzip.compress(METADATA.encode() + b" " * 100_000_000, 1)
    with serving(whole("200 OK", content, "Content-Encoding: gzip")) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        failure(lambda: opened(server.url))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b"[" + b"[]," * 200_000 + b"1]",
        b'{"metadata": 5}',
        b'{"metadata": {"signature_def": {"signature_def": {"serving_default": []}}}}',
        METADATA.replace('"1"', '"one"').encode(),
        METADATA.replace('"1"', '"7"').encode(),
        METADATA.encode() + b"\xff",
        b'{"metadata": ' + b"9" * 10_000 + b"}",
    ],
    ids=range(13),
)
def test_what_is_no_description_of_a_model_is_said(content) -> None:
    with serving(whole("200 OK", content)) as server:
        assert failure(lambda: opened(server.url))


@pytest.mark.parametrize("text", ['"a\\nb"', '"' + "a" * 100_000 + '"', "[1]", "null", "{"])
def test_a_server_s_own_words_are_one_short_line(text) -> None:
    with serving(whole("400 Bad", b'{"error": ' + text.encode() + b"}")) as server:
        assert "400: " in failure(lambda: opened(server.url))


@pytest.mark.parametrize(
    "garbage", [b"no HTTP\r\n\r\n", b"", OK + b"Content-Length: 99\r\n\r\nhalf", OK + b"\xff: \r\n"]
)
def test_what_is_not_http_is_said(garbage) -> None:
    with serving(lambda server: iter([garbage])) as server:
        assert failure(lambda: opened(server.url, attempts=2))


PREDICTIONS = [
    [[[[0.5]]]],
    NOISY[:, :-1].tolist(),
    NOISY.repeat(2, axis=1).tolist(),
    NOISY.repeat(2, axis=0).tolist(),
    NOISY[..., 0].tolist(),
    [[1], [1, 2]],
    "text",
    {},
    None,
    np.full_like(NOISY, np.nan).tolist(),
    (1e39 * NOISY.astype(float)).tolist(),
]


@pytest.mark.parametrize("predictions", PREDICTIONS, ids=range(len(PREDICTIONS)))
def test_what_is_no_picture_is_said_by_rest(predictions) -> None:
    def answer(server: Server) -> Iterator[bytes]:
        content = METADATA if server.requests[-1].startswith("GET") else json.dumps({"predictions": predictions})
        return whole("200 OK", content.encode())(server)

    with serving(answer) as server:
        client = opened(server.url)
        assert failure(lambda: client(NOISY))


def test_what_is_one_passes_by_rest() -> None:
    def answer(server: Server) -> Iterator[bytes]:
        content = METADATA if server.requests[-1].startswith("GET") else json.dumps({"predictions": NOISY.tolist()})
        return whole("200 OK", content.encode())(server)

    with serving(answer) as server:
        np.testing.assert_array_equal(opened(server.url)(NOISY), NOISY)


# gRPC


def tensor(shape: tuple[int, ...], dtype: int = 1, **values: object) -> predict_pb2.PredictResponse:
    answer = predict_pb2.PredictResponse()
    answer.outputs["denoised"].dtype = dtype
    for side in shape:
        answer.outputs["denoised"].tensor_shape.dim.add(size=side)
    for name, value in values.items():
        field = getattr(answer.outputs["denoised"], name)
        field.extend(value) if isinstance(value, list) else setattr(answer.outputs["denoised"], name, value)
    return answer


def described(content: bytes | None = None) -> get_model_metadata_pb2.GetModelMetadataResponse:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for size in (-1, -1, -1, 1):
        signatures.signature_def["serving_default"].inputs["noisy"].tensor_shape.dim.add(size=size)
    answer = get_model_metadata_pb2.GetModelMetadataResponse()
    answer.metadata["signature_def"].Pack(signatures)
    if content is not None:
        answer.metadata["signature_def"].CopyFrom(
            any_pb2.Any(type_url=answer.metadata["signature_def"].type_url, value=content)
        )
    return answer


@contextlib.contextmanager
def grpc_serving(predict: Callable[[], object], metadata=described, credentials=None, **options) -> Iterator[str]:
    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            return predict()

        def GetModelMetadata(self, request, context):  # noqa: N802
            return metadata()

    unlimited = [("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(4), options=unlimited, **options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(), server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


WRONG = {
    "one pixel": lambda: tensor((1, 1, 1, 1), tensor_content=NOISY[:, :1, :1].tobytes()),
    "one for all": lambda: tensor(NOISY.shape, float_val=[0.5]),
    "larger": lambda: tensor((1, 5, 8, 1), tensor_content=NOISY.repeat(2, 1)[:, :8].transpose(0, 2, 1, 3).tobytes()),
    "flat": lambda: tensor((35,), tensor_content=NOISY.tobytes()),
    "half a number": lambda: tensor(NOISY.shape, tensor_content=NOISY.tobytes()[:-1]),
    "nothing": lambda: predict_pb2.PredictResponse(),
    "doubles": lambda: tensor((1, 5, 7, 1), 2, tensor_content=NOISY.astype(float).tobytes()),
    "negative": lambda: tensor((1, -5, -7, 1), tensor_content=NOISY.tobytes()),
    "NaN": lambda: tensor(NOISY.shape, tensor_content=np.full_like(NOISY, np.nan).tobytes()),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_picture_is_said_by_grpc(kind) -> None:
    with grpc_serving(WRONG[kind]) as url:
        client = opened(url)
        assert failure(lambda: client(NOISY))


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"\n\x02\n\x00"])
def test_what_is_no_description_of_a_model_is_said_by_grpc(content) -> None:
    with grpc_serving(lambda: None, lambda: described(content)) as url:
        assert failure(lambda: opened(url))
    with grpc_serving(lambda: None, get_model_metadata_pb2.GetModelMetadataResponse) as url:
        assert failure(lambda: opened(url))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["", "gzip"])
def test_a_message_is_no_longer_than_what_was_asked_for(compression) -> None:
    """gRPC itself refuses the first by the length that stands before it, the second while it unpacks."""
    answer = tensor((1, 1000, 1000, 1), tensor_content=bytes(4_000_000))
    with grpc_serving(lambda: answer, compression=compression) as url:
        client = opened(url)
        assert "RESOURCE_EXHAUSTED" in failure(lambda: client(NOISY))


def test_grpc_s_time_limit_is_for_all_attempts() -> None:
    ended = threading.Event()
    with grpc_serving(lambda: ended.wait(HANGS)) as url:
        client = opened(url)
        client._transport._timeout = 0.3
        assert "DEADLINE_EXCEEDED" in failure(lambda: client(NOISY))
        ended.set()
    with serving(silent()) as server:
        assert "DEADLINE_EXCEEDED" in failure(
            lambda: opened(server.url.replace("http", "grpc"), timeout=0.5, attempts=5)
        )


def certificate(folder: Path) -> Path:
    """A certificate of this machine that is signed by itself, with its key beside it."""
    folder.mkdir()
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    files = ("-keyout", folder / "key.pem", "-out", folder / "certificate.pem")
    subprocess.run(["openssl", "req", *kind, *files, *subject], check=True, capture_output=True)
    return folder / "certificate.pem"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on PATH")
def test_grpc_over_tls(monkeypatch, tmp_path) -> None:
    known, unknown = certificate(tmp_path / "known"), certificate(tmp_path / "unknown")
    # gRPC looks there once in a process, when it first needs it: here.
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(known))
    for made in (known, unknown):
        pair = (made.with_name("key.pem").read_bytes(), made.read_bytes())
        credentials = grpc.ssl_server_credentials([pair])
        answer = tensor(NOISY.shape, tensor_content=NOISY.tobytes())
        with grpc_serving(lambda answer=answer: answer, credentials=credentials) as url:
            assert "UNAVAILABLE" in failure(lambda url=url: opened(url)), "it speaks TLS alone"
            secure = url.replace("grpc://", "grpcs://")
            if made == known:
                np.testing.assert_array_equal(opened(secure)(NOISY), NOISY)
            else:
                assert "UNAVAILABLE" in failure(lambda url=secure: opened(url)), "nobody vouches for it"
