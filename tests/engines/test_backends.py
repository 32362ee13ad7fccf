"""The same weights give the same image on Keras' other backends, without TensorFlow in the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.cards import shipped_models
from dncnn_tf.models.weights import load_model

SCRIPT = """
import sys
sys.modules["tensorflow"] = None  # as if it were not installed: Keras itself imports it where it is
import numpy as np
from dncnn_tf.engines.opening import open_engine
from dncnn_tf.models.weights import load_model

name, source, target = sys.argv[1:]
noisy = np.load(source)
model = load_model(name)
folded = open_engine(model, precision="float32")
np.savez(target, folded=folded(noisy), trained=np.asarray(model(noisy, training=False)))
"""


@pytest.mark.jax
@pytest.mark.parametrize("name", shipped_models())
def test_jax_gives_what_tensorflow_gives(name: str, tmp_path: Path) -> None:
    import skimage.data

    model = load_model(name)
    clean = skimage.data.camera()[100:197, 80:181, None].repeat(model.input_shape[-1], axis=-1) / 255
    noisy = (clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape))[None].astype(np.float32)
    np.save(tmp_path / "noisy.npy", noisy)
    arguments = [sys.executable, "-c", SCRIPT, name, str(tmp_path / "noisy.npy"), str(tmp_path / "out.npz")]
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    outputs = np.load(tmp_path / "out.npz")
    expected = open_engine(model, precision="float32")(noisy)
    np.testing.assert_allclose(outputs["folded"], expected, atol=1e-5)
    np.testing.assert_allclose(outputs["trained"], expected, atol=1e-5)
