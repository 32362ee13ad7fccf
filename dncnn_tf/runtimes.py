"""What runs a network: one small class per engine, all called the same way."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from .cards import ModelError
from .config import RECIPES
from .model import fold_batch_norm, model_config
from .weights import load_model

SIGNATURE, INPUT, OUTPUT = "serving_default", "noisy", "denoised"
"""What exported models call their one function, its argument and its result."""


class Runtime(Protocol):
    """A network ready to run.

    Attributes:
        channels: 1 for grey, 3 for RGB.
        receptive_radius: pixels on each side that can change one output pixel; the halo that tiles need.
    """

    channels: int
    receptive_radius: int

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, channels) in [0, 1] → the denoised images, same shape, float32, not clipped."""


class KerasRuntime:
    """A Keras model, its batch normalisation folded, on whatever backend Keras has.

    Args:
        model: a DnCNN with or without batch normalisation.
        precision: "float32" or "bfloat16" (bfloat16 arithmetic; input, output and subtraction stay float32).
    """

    def __init__(self, model: keras.Model, *, precision: str = "float32") -> None:
        config = model_config(model)
        self.channels = config.channels
        self.receptive_radius = config.receptive_radius
        self._forward = _compiled(fold_batch_norm(model, dtype=POLICIES[precision]))

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Runtime`."""
        return keras.ops.convert_to_numpy(self._forward(np.asarray(noisy, np.float32)))


POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras' dtype policy for each precision."""


def _compiled(model: keras.Model) -> keras.Model:
    """On TensorFlow, one graph for all sizes instead of a trace for each."""
    if keras.backend.backend() != "tensorflow":
        return model
    import tensorflow as tf

    signature = tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)
    return tf.function(lambda noisy: model(noisy, training=False), input_signature=[signature])


class SavedModelRuntime:
    """A SavedModel that `dncnn-tf export` wrote, run by TensorFlow in the precision it was exported with.

    Args:
        folder: `NAME/VERSION`, or `NAME`, of which the newest version is taken.

    Raises:
        ModelError: there is none, it is damaged, or it was not exported by dncnn-tf.
    """

    def __init__(self, folder: str | Path) -> None:
        import tensorflow as tf

        self.folder = newest_version(Path(folder))
        if self.folder is None:
            raise ModelError(f"{folder}: no SavedModel in it (saved_model.pb, or NUMBER/saved_model.pb)")
        card = _read_card(saved_model_card(self.folder))
        self.channels, self.receptive_radius = card["channels"], card["receptive_radius"]
        try:
            self._model = tf.saved_model.load(self.folder)  # kept: the function does not hold its variables
            self._forward = self._model.signatures[SIGNATURE]
        except Exception as error:  # a damaged folder fails in many ways
            raise ModelError(f"{self.folder}: damaged, or not exported by dncnn-tf; export it again") from error

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Runtime`."""
        return self._forward(**{INPUT: np.asarray(noisy, np.float32)})[OUTPUT].numpy()


def newest_version(folder: Path) -> Path | None:
    """The SavedModel in `folder` itself, or its highest version in TensorFlow Serving's layout; None without any."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("[0-9]*") if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)


def saved_model_card(folder: Path) -> Path:
    """Where a SavedModel's card is: `assets.extra` is the place for what TensorFlow itself does not read."""
    return folder / "assets.extra" / "card.json"


class LiteRTRuntime:
    """A `.tflite` file that `dncnn-tf export` wrote, run by LiteRT (formerly TensorFlow Lite).

    Args:
        file: the model; its card has the same name and ends in `.json`.

    Raises:
        ModelError: one of the two is missing or damaged, or no LiteRT is installed.
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)
        if not self.file.is_file():
            raise ModelError(f"{self.file}: no such file")
        card = _read_card(self.file.with_suffix(".json"))
        self.channels, self.receptive_radius = card["channels"], card["receptive_radius"]
        # Checked first: LiteRT does not refuse a damaged file, it crashes the process.
        if hashlib.sha256(self.file.read_bytes()).hexdigest() != card.get("sha256"):
            raise ModelError(f"{self.file}: damaged, its SHA-256 is not its card's; export it again")
        self._interpreter = _interpreter(self.file)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._shape: tuple[int, ...] = ()

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """As `Runtime`."""
        if noisy.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, noisy.shape, strict=True)
            self._interpreter.allocate_tensors()
            self._shape = noisy.shape
        self._interpreter.set_tensor(self._input, np.asarray(noisy, np.float32))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)


def _interpreter(file: Path) -> Any:
    """LiteRT's own package when it is installed, else the same interpreter inside TensorFlow.

    TensorFlow announces that it will drop its copy in favour of the package, which is the user's choice to make
    only once that has happened; so the announcement is not passed on.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = getattr(tf.lite, "Interpreter", None)  # noqa: N806
        if Interpreter is None:
            raise ModelError(f"{file}: LiteRT is missing; install it with: pip install ai-edge-litert") from None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
        return Interpreter(model_path=str(file), num_threads=os.cpu_count())


def _read_card(card: Path) -> dict[str, Any]:
    """What an export says of itself: channels and receptive radius at the least."""
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        return {**content, "channels": int(content["channels"]), "receptive_radius": int(content["receptive_radius"])}
    except FileNotFoundError:
        raise ModelError(f"{card}: missing; an exported model and its card belong together, export it again") from None
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{card}: not the card of an exported model; export it again") from None


def open_runtime(name_or_path: str | Path, *, precision: str = "float32") -> Runtime:
    """Make any model ready to run: exported ones by their own engine, all others by Keras.

    Args:
        name_or_path: a SavedModel folder (`NAME` or `NAME/VERSION`), a `.tflite` file, or what `weights.load_model`
            takes.
        precision: "float32" or "bfloat16", for Keras; an exported model keeps the precision it was exported with.

    Raises:
        ModelError: it cannot be loaded, or not in this precision.
    """
    path = Path(name_or_path)
    exported = path.suffix == ".tflite" or (str(name_or_path) not in RECIPES and newest_version(path) is not None)
    if not exported:
        return KerasRuntime(load_model(name_or_path), precision=precision)
    if precision != "float32":
        raise ModelError(f"{path}: keeps the precision it was exported with; leave out --precision {precision}")
    return LiteRTRuntime(path) if path.suffix == ".tflite" else SavedModelRuntime(path)
