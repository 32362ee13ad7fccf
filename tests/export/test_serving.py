"""The client against stand-ins for TensorFlow Serving, and the files that the server reads."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
import requests
import skimage
import tensorflow as tf
from google.protobuf import text_format
from helpers.models import trained_like
from PIL import Image

from dncnn_tf import denoise
from dncnn_tf.engines.serving import Client, ServingError
from dncnn_tf.export.exports import export_saved_model
from dncnn_tf.export.serving_config import models_config

pytest.importorskip("tensorflow_serving")
from helpers.hostile_servers import serving, silent
from helpers.standins import Served, grpc_server, rest_server
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def model():
    return trained_like()


@pytest.fixture(scope="module")
def saved_model(model, tmp_path_factory) -> Path:
    return export_saved_model(model, tmp_path_factory.mktemp("exported"), name="small").path


@pytest.fixture(scope="module")
def served(saved_model) -> Served:
    return Served(saved_model, "small")


@pytest.fixture(scope="module", params=[grpc_server, rest_server], ids=["grpc", "rest"])
def url(request, served):
    with request.param(served) as url:
        yield url


def test_a_client_is_an_engine(url, model) -> None:
    client = Client(url, "small")
    assert client.channels == 1
    image = np.asarray(Image.open(PHOTOGRAPHS / "coffee.png").crop((0, 0, 61, 47)))
    np.testing.assert_allclose(denoise(image, client).astype(int), denoise(image, model), atol=1)
    noisy = np.random.default_rng(0).normal(0.5, 0.3, (2, 7, 13, 1)).astype(np.float32)
    np.testing.assert_allclose(client(noisy), model(noisy, training=False), atol=1e-5)


def test_replies_larger_than_grpcs_default_pass(served, model) -> None:
    with grpc_server(served) as url:
        noisy = np.random.default_rng(0).random((1, 1040, 1040, 1), np.float32)
        assert noisy.nbytes > 4 * 2**20
        assert Client(url, "small")(noisy).shape == noisy.shape


def test_a_server_that_is_starting_is_asked_again(url, served) -> None:
    client = Client(url, "small")
    served.failures = 2
    assert client(np.zeros((1, 5, 5, 1), np.float32)).shape == (1, 5, 5, 1)
    assert served.failures == 0
    served.failures = 99
    try:
        with pytest.raises(ServingError, match=r"UNAVAILABLE: starting|503: starting"):
            Client(url, "small", attempts=2)
    finally:
        served.failures = 0


def test_an_unknown_model_or_version_is_said(url) -> None:
    with pytest.raises(ServingError, match="Servable not found"):
        Client(url, "large")


@pytest.mark.parametrize("url", ["grpc://127.0.0.1:9", "http://127.0.0.1:9"])
def test_no_server_is_said(url) -> None:
    with pytest.raises(ServingError, match=r"127\.0\.0\.1:9"):
        Client(url, "small", attempts=1)


def test_an_address_without_a_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match=r"starts with grpc://, .* or https://\. Received: localhost:8500"):
        Client("localhost:8500", "small")


def test_files_over_rest(served, model) -> None:
    """As the page on exports says: base64 both ways."""
    file = PHOTOGRAPHS / "coffee.png"
    with rest_server(served) as url:
        content = {
            "signature_name": "image_bytes",
            "instances": [{"b64": base64.b64encode(file.read_bytes()).decode()}],
        }
        answer = requests.post(f"{url}/v1/models/small:predict", json=content, timeout=60).json()
    received = tf.io.decode_png(base64.b64decode(answer["predictions"][0]["b64"])).numpy()
    np.testing.assert_allclose(received.astype(int), denoise(np.asarray(Image.open(file)), model), atol=1)


def test_request_command(dncnn_tf, served, model, tmp_path) -> None:
    picture = Image.open(PHOTOGRAPHS / "coffee.png").crop((0, 0, 61, 47))
    picture.save(tmp_path / "a.png", dpi=(300, 300))
    (tmp_path / "bad.png").write_text("no picture")
    with grpc_server(served) as url:
        done = dncnn_tf("request", tmp_path, "--url", url, "--model", "small")
    assert done.returncode == 1
    assert done.stdout.strip() == str(tmp_path / "a_denoised.png")
    assert done.stderr.count("error: ") == 1
    result = Image.open(tmp_path / "a_denoised.png")
    np.testing.assert_allclose(np.asarray(result, int), denoise(np.asarray(picture), model), atol=1)
    assert result.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_request_without_a_server_is_one_line(dncnn_tf, tmp_path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    done = dncnn_tf("request", tmp_path / "a.png", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is the server running?" in done.stderr


def test_request_to_a_server_that_says_nothing_is_one_line_in_time(dncnn_tf, tmp_path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    with serving(silent()) as server:
        done = dncnn_tf("request", tmp_path / "a.png", "--url", server.url, "--timeout", 1)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith("no answer within 1 seconds; give more as --timeout")


def test_warmup_requests_replay_in_a_session(saved_model) -> None:
    """As the server does: parsed, then run by name through a v1 session on the exported graph."""
    assert replayed(saved_model) == 2 * ["serving_default", "uint8", "image_bytes"]


def test_warmup_requests_are_within_the_limit_of_files(model, tmp_path) -> None:
    kept = export_saved_model(model, tmp_path, name="small", max_pixels=128**2)
    assert replayed(kept.path) == ["serving_default", "uint8", "image_bytes", "serving_default", "uint8"]


def replayed(saved_model: Path) -> list[str]:
    """The signatures that were asked, in turn."""
    file = saved_model / "assets.extra/tf_serving_warmup_requests"
    records = [*tf.data.TFRecordDataset(str(file)).as_numpy_iterator()]
    seen = []
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(saved_model))
        assert not any("PyFunc" in node.op for node in session.graph.as_graph_def().node)
        for record in records:
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            signature = meta.signature_def[request.model_spec.signature_name]
            feed = {signature.inputs[key].name: tf.make_ndarray(value) for key, value in request.inputs.items()}
            (result,) = session.run([each.name for each in signature.outputs.values()], feed)
            assert len(result) == 1
            seen.append(request.model_spec.signature_name)
    return seen


def test_models_config_is_what_the_server_reads(saved_model) -> None:
    exported = saved_model.parent.parent
    (exported / "no-model").mkdir(exist_ok=True)
    assert (exported / "models.config").read_text(encoding="utf-8") == models_config(exported, "/models")
    config = text_format.Parse(models_config(exported, "/models"), model_server_config_pb2.ModelServerConfig())
    (entry,) = config.model_config_list.config
    assert (entry.name, entry.base_path, entry.model_platform) == ("small", "/models/small", "tensorflow")
