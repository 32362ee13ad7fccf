"""A file that is nearly a DnCNN is none: what its layers do otherwise would be lost in the arrays that engines run."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.models import trained_like
from keras import layers

from dncnn_tf import ModelError, denoise, load_model, model_config, open_engine
from dncnn_tf.config import ModelConfig
from dncnn_tf.models.dncnn import build_dncnn


def network(
    *,
    first: dict | None = None,
    middle: dict | None = None,
    norm: dict | None = None,
    relu: layers.Layer | None = None,
    last: dict | None = None,
    batch_statistics: bool = False,
    end=lambda noisy, residual: layers.Subtract(name="denoised")([noisy, residual]),
) -> keras.Model:
    """A DnCNN of three layers, written by hand, some part of which may be another."""
    noisy = keras.Input((None, None, 1), name="noisy")
    options = {"kernel_size": 3, "padding": "same"}
    x = layers.Conv2D(4, **options | {"activation": "relu", "name": "conv_1"} | (first or {}))(noisy)
    x = layers.Conv2D(4, **options | {"use_bias": False, "name": "conv_2"} | (middle or {}))(x)
    arguments = {"training": True} if batch_statistics else {}
    x = layers.BatchNormalization(**{"name": "bn_2"} | (norm or {}))(x, **arguments)
    x = (relu or layers.ReLU(name="relu_2"))(x)
    x = layers.Conv2D(1, **options | {"name": "conv_3"} | (last or {}))(x)
    return keras.Model(noisy, end(noisy, x), name="dncnn")


def shared() -> keras.Model:
    """One convolution that is used twice."""
    noisy = keras.Input((None, None, 1), name="noisy")
    x = layers.Conv2D(1, 3, padding="same", activation="relu", name="conv_1")(noisy)
    conv = layers.Conv2D(1, 3, padding="same", name="conv_2")
    x = layers.ReLU(name="relu_2")(conv(conv(x)))
    x = layers.Conv2D(1, 3, padding="same", name="conv_3")(x)
    return keras.Model(noisy, layers.Subtract(name="denoised")([noisy, x]))


def short_cut() -> keras.Model:
    """A connection past a layer."""
    noisy = keras.Input((None, None, 1), name="noisy")
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv_1")(noisy)
    x = layers.ReLU(name="relu_2")(layers.Conv2D(4, 3, padding="same", name="conv_2")(first))
    x = layers.Conv2D(1, 3, padding="same", name="conv_3")(layers.Add()([first, x]))
    return keras.Model(noisy, layers.Subtract(name="denoised")([noisy, x]))


def in_a_row() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((None, None, 1)),
            *(layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv_{i}") for i in (1, 2)),
            layers.Conv2D(1, 3, padding="same", name="conv_3"),
            layers.Activation("linear", name="denoised"),
        ]
    )


def two_outputs() -> keras.Model:
    model = trained_like(depth=3, filters=4)
    return keras.Model(model.inputs, [model.output, model.get_layer("conv_2").output])


OTHERS = {
    "activation of the first": lambda: network(first={"activation": "leaky_relu"}),
    "activation of the middle": lambda: network(middle={"activation": "tanh"}),
    "activation of the last": lambda: network(last={"activation": "sigmoid"}),
    "leak": lambda: network(relu=layers.ReLU(negative_slope=0.2, name="relu_2")),
    "ceiling": lambda: network(relu=layers.ReLU(max_value=6, name="relu_2")),
    "threshold": lambda: network(relu=layers.ReLU(threshold=0.1, name="relu_2")),
    "another activation": lambda: network(relu=layers.ELU(name="relu_2")),
    "dilation": lambda: network(middle={"dilation_rate": 2}),
    "kernel": lambda: network(middle={"kernel_size": 5}),
    "groups": lambda: network(middle={"groups": 2}),
    "name of the normalisation": lambda: network(norm={"name": "normalisation"}),
    "no scale": lambda: network(norm={"scale": False}),
    "axis": lambda: network(norm={"axis": 3, "center": False}),
    "other normalisation": lambda: network(relu=layers.LayerNormalization(name="relu_2")),
    "batch statistics": lambda: network(batch_statistics=True),
    "sign": lambda: network(end=lambda noisy, x: layers.Subtract(name="denoised")([x, noisy])),
    "sum": lambda: network(end=lambda noisy, x: layers.Add(name="denoised")([noisy, x])),
    "clipped": lambda: network(end=lambda noisy, x: layers.Activation("sigmoid", name="denoised")(x)),
    "operation between": lambda: network(end=lambda n, x: layers.Subtract(name="denoised")([n, keras.ops.tanh(x)])),
    "constant": lambda: network(end=lambda n, x: layers.Subtract(name="denoised")([n, 2 * x])),
    "two outputs": two_outputs,
    "shared layer": shared,
    "short cut": short_cut,
    "sequential": in_a_row,
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_file_that_is_no_dncnn_is_refused(other: str, tmp_path: Path) -> None:
    model = OTHERS[other]()
    with pytest.raises(ValueError, match=r"expected a (DnCNN|functional Keras model)"):
        denoise(np.zeros((8, 8), np.uint8), model)
    model.save(tmp_path / "other.keras")
    for load in (load_model, open_engine):
        with pytest.raises(ModelError, match=r"other\.keras: not a DnCNN saved by Keras, or damaged \(.") as caught:
            load(tmp_path / "other.keras")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("norm", [{}, {"epsilon": 1e-5}], ids=["as it is", "another epsilon"])
def test_one_written_by_hand_is_a_dncnn_too(norm: dict, tmp_path: Path) -> None:
    """With Keras' own normalisation, its epsilon taken from it."""
    keras.utils.set_random_seed(0)
    model = network(norm=norm)
    rng = np.random.default_rng(0)
    scale, shift = rng.uniform(0.5, 1.5, (2, 4))
    model.get_layer("bn_2").set_weights([scale, shift, rng.normal(0, 0.1, 4), rng.uniform(1e-4, 1e-2, 4)])
    model.save(tmp_path / "mine.keras")
    noisy = rng.random((1, 20, 17, 1), np.float32)
    expected = model(noisy, training=False)
    assert np.abs(expected - noisy).max() > 0.1
    np.testing.assert_allclose(open_engine(tmp_path / "mine.keras", precision="float32")(noisy), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_built_is_a_dncnn(dtype: str, residual: bool, batch_norm: bool, channels: int, tmp_path: Path) -> None:
    config = ModelConfig(depth=4, filters=5, channels=channels, residual=residual, batch_norm=batch_norm)
    model = build_dncnn(config, dtype=dtype)
    assert model_config(model) == config
    model.save(tmp_path / "model.keras")
    assert model_config(load_model(tmp_path / "model.keras")) == config


def test_normalisations_of_two_epsilons_are_refused() -> None:
    model = trained_like(depth=5)
    model.get_layer("bn_3").epsilon = 0.1
    with pytest.raises(ValueError, match=r"bn_3: .*epsilon=0\.1"):
        model_config(model)
