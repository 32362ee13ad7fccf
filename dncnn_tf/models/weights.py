"""Models by name or path; the shipped ones are checked by SHA-256 against their card before use."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from ..config import RECIPES
from ..errors import first_line
from ..files import atomic_path
from . import batch_norm  # noqa: F401  registers the layer that saved models name
from .cards import PRETRAINED, ModelError, checked_config, read_card, shipped_models
from .dncnn import build_dncnn, model_config
from .limits import require_small_archive, require_small_weights


def load_model(name_or_path: str | Path) -> keras.Model:
    """Load a DnCNN as it was trained, batch normalisation included.

    Args:
        name_or_path: a shipped model's name, a `.keras` file, a `.weights.h5` file with its card (same name, `.json`)
            beside it, or a run folder (its best model is taken).

    Raises:
        ModelError: there is none, it is damaged, its weights do not fit, or it is not a DnCNN.
    """
    if str(name_or_path) in RECIPES:
        read_card(str(name_or_path))
        return _load_weights(PRETRAINED / f"{name_or_path}.weights.h5")
    path = Path(name_or_path)
    if path.is_dir() and (path / "config.json").exists():
        path = path / "best.keras"
        if not path.exists():
            raise ModelError(f"{path.parent}: this run has no model yet (best.keras appears after its first epoch)")
    if path.name.endswith(".weights.h5"):
        return _load_weights(path)
    if path.suffix != ".keras":
        raise ModelError(
            f"{path}: not a model; give a name ({', '.join(shipped_models())}), a .keras file, "
            "a .weights.h5 with its card beside it, or a run folder"
        )
    return _load_keras(path)


def _load_keras(path: Path) -> keras.Model:
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path}: damaged, or not saved by Keras; take another copy")
    try:
        require_small_archive(path)
        model = keras.saving.load_model(path, compile=False)  # safe_mode: code in the file is not run
        model_config(model)
    except ModelError:
        raise
    except Exception as error:  # a damaged or foreign archive fails in many ways
        raise ModelError(f"{path}: not a DnCNN saved by Keras, or damaged ({first_line(error)})") from error
    return model


def _load_weights(path: Path) -> keras.Model:
    config = checked_config(path)
    try:
        require_small_weights(path, config)
        model = build_dncnn(config)
        model.load_weights(path)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path}: the weights do not fit {config} ({first_line(error)})") from error
    return model


def save_weights(model: keras.Model, target: Path, card: dict[str, Any]) -> None:
    """Write `NAME.weights.h5` and, beside it, its card with the model's configuration and the weights' SHA-256.

    Args:
        model: a DnCNN.
        target: the weights file; its name ends in `.weights.h5`.
        card: what is known of the model.
    """
    with atomic_path(target) as path:
        weights = path.with_name(f"{path.name}.weights.h5")  # the ending that Keras demands
        model.save_weights(weights)
        weights.replace(path)
    content = {
        **card,
        "model": vars(model_config(model)),
        "parameters": model.count_params(),
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
    }
    card_file = target.with_name(target.name.removesuffix(".weights.h5") + ".json")
    with atomic_path(card_file) as path:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
