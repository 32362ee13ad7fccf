"""Whether a Keras model is a DnCNN and nothing else: every layer, every setting that counts, and what each layer takes.

Its weights are folded and run by other engines, which compute what a DnCNN does, and not what else a file may ask for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
from keras import layers

from ..config import ModelConfig
from .batch_norm import FusedBatchNormalization, batch_norms

# What decides a layer's function beside its weights.
_SETTINGS: dict[type, tuple[str, ...]] = {
    layers.InputLayer: (),
    layers.Conv2D: (
        *("kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation", "use_bias"),
    ),
    layers.BatchNormalization: ("axis", "center", "scale", "epsilon"),
    layers.ReLU: ("max_value", "negative_slope", "threshold"),
    layers.Subtract: (),
    layers.Activation: ("activation",),
}
_CONVOLUTION = {
    **{"kernel_size": (3, 3), "strides": (1, 1), "padding": "same", "data_format": "channels_last"},
    **{"dilation_rate": (1, 1), "groups": 1},
}
_RELU = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}


class _Step(NamedTuple):
    """A layer: its name and class, its settings, its weights' shapes, and the layers whose outputs it takes."""

    name: str
    kind: str
    settings: dict[str, Any]
    shapes: list[tuple[int, ...]]
    takes: list[Any]

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{self.name}: {self.kind}({settings}) of {self.takes} with weights {self.shapes}"


def require_dncnn(model: keras.Model, config: ModelConfig) -> None:
    """Check that a model is what `build_dncnn` makes of a configuration, but for its weights and its dtype policy.

    Raises:
        ValueError: it is another one; the message says where they first differ.
    """
    norms = batch_norms(model)
    expected = _expected(config, norms[0].epsilon if norms else 0.0)
    for have, want in itertools.zip_longest(_steps(model), expected):
        if have != want:
            raise ValueError(f"expected a DnCNN, with {want or 'no more layers'}. Received: {have or 'no such layer'}")


def _expected(config: ModelConfig, epsilon: float) -> Iterator[_Step]:
    """The steps of `build_dncnn`."""
    channels, filters, last = config.channels, config.filters, f"conv_{config.depth}"

    def conv(name: str, inputs: int, outputs: int, takes: str, activation: str = "linear", bias: bool = True) -> _Step:
        settings = {**_CONVOLUTION, "activation": activation, "use_bias": bias}
        shapes: list[tuple[int, ...]] = [(3, 3, inputs, outputs), (outputs,)]
        return _Step(name, "Conv2D", settings, shapes if bias else shapes[:1], [takes])

    yield _Step("noisy", "InputLayer", {}, [], [])
    yield conv("conv_1", channels, filters, "noisy", "relu")
    before = "conv_1"
    for i in range(2, config.depth):
        yield conv(f"conv_{i}", filters, filters, before, bias=not config.batch_norm)
        before = f"conv_{i}"
        if config.batch_norm:
            settings = {"axis": -1, "center": True, "scale": True, "epsilon": epsilon}
            yield _Step(f"bn_{i}", "BatchNormalization", settings, [(filters,)] * 4, [before])
            before = f"bn_{i}"
        yield _Step(f"relu_{i}", "ReLU", _RELU, [], [before])
        before = f"relu_{i}"
    yield conv(last, filters, channels, before)
    if config.residual:
        yield _Step("denoised", "Subtract", {}, [], [["noisy", last]])
    else:
        yield _Step("denoised", "Activation", {"activation": "linear"}, [], [last])


def _steps(model: keras.Model) -> Iterator[_Step]:
    """The same of a model's own layers, as far as they are of these kinds."""
    if isinstance(model, keras.Sequential) or not hasattr(model, "operations") or len(model.outputs) != 1:
        raise ValueError(f"expected a functional Keras model with one output. Received: {type(model).__name__}")
    graph = model.get_config()
    for layer, described in zip(model.operations, graph["layers"], strict=True):
        kind = layers.BatchNormalization if type(layer) is FusedBatchNormalization else type(layer)
        given = described["config"]
        settings = {name: given[name] for name in _SETTINGS.get(kind, ())}
        shapes = [tuple(weight.shape) for weight in getattr(layer, "weights", ())]
        nodes = described["inbound_nodes"]
        takes = _inputs(nodes[0]["args"]) if len(nodes) == 1 else [_inputs(node["args"]) for node in nodes]
        asked = {name: value for node in nodes for name, value in node["kwargs"].items() if value is not None}
        yield _Step(layer.name, kind.__name__ if kind in _SETTINGS else str(kind), settings | asked, shapes, takes)


def _inputs(part: Any) -> Any:
    """The names of the layers in a call's arguments, in the arguments' own order."""
    if isinstance(part, list | tuple):
        return [_inputs(each) for each in part]
    if isinstance(part, dict) and part.get("class_name") == "__keras_tensor__":
        return part["config"]["keras_history"][0]
    return part
