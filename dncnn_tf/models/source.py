"""What a model's name or path is: which file to read, and as what. Decided here, once. No Keras here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..config import RECIPES
from .cards import PRETRAINED, ModelError, shipped_models

Kind = Literal["shipped", "weights", "keras", "run", "savedmodel", "tflite", "onnx"]

_EXPORTED_FILES: dict[str, Kind] = {".tflite": "tflite", ".onnx": "onnx"}
_RUN_CONFIG, _RUN_MODEL, _RUN_RESULT = "config.json", "best.keras", "result.json"


@dataclass(frozen=True)
class Source:
    """Where a model is.

    Attributes:
        kind: "shipped" or "weights" (`.weights.h5` with its card), "keras" or "run" (`.keras`), or of an export,
            "savedmodel", "tflite" or "onnx".
        path: of the file to read; of a SavedModel, the version's folder. Only readers look whether it is there.
        name: what the model is called: the shipped one's name, the run's or the exported folder's, or the file's
            without its ending.
    """

    kind: Kind
    path: Path
    name: str


def find_source(name_or_path: str | Path) -> Source:
    """Tell what a model's name or path is.

    Args:
        name_or_path: a shipped model's name, a `.keras` file, a `.weights.h5` file, a run folder (its best model), or
            an export: a SavedModel's folder (`NAME`, of which the highest version is taken, or `NAME/VERSION`), a
            `.tflite` or an `.onnx` file.

    Raises:
        ModelError: it is none of these.
    """
    path, shipped = Path(name_or_path), shipped_models()
    if str(name_or_path) in RECIPES:
        if str(name_or_path) not in shipped:
            raise ModelError(f"{name_or_path}: no such model is shipped; there are: {', '.join(shipped)}")
        return Source("shipped", PRETRAINED / f"{name_or_path}.weights.h5", str(name_or_path))
    if path.is_dir() and (path / _RUN_CONFIG).exists():
        return Source("run", path / _RUN_MODEL, path.resolve().name)
    if (version := newest_version(path)) is not None:
        folder = version.resolve()
        return Source("savedmodel", version, folder.parent.name if folder.name.isdigit() else folder.name)
    if path.suffix in _EXPORTED_FILES:
        return Source(_EXPORTED_FILES[path.suffix], path, path.stem)
    if path.name.endswith(".weights.h5"):
        return Source("weights", path, path.name.removesuffix(".weights.h5"))
    if path.suffix == ".keras":
        return Source("keras", path, path.stem)
    raise ModelError(
        f"{path}: not a model; give a name ({', '.join(shipped)}), a .keras file, a .weights.h5 with its card beside "
        "it, a run folder, or an export: a SavedModel's folder, a .tflite or an .onnx"
    )


def newest_version(folder: Path) -> Path | None:
    """The SavedModel in `folder` itself, or its highest version in TensorFlow Serving's layout; None without any."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("[0-9]*") if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)


def default_model() -> str | Path:
    """The newest finished run under `runs/`, else the shipped dncnn-b, else the first shipped model.

    Raises:
        ModelError: there is none of these.
    """
    finished = [file for file in Path("runs").glob(f"*/{_RUN_RESULT}") if file.with_name(_RUN_MODEL).is_file()]
    if finished:
        return max(finished, key=lambda file: file.stat().st_mtime).parent
    shipped = shipped_models()
    if not shipped:
        raise ModelError(f"no finished run under runs/ and no model in {PRETRAINED}; give `model` or train one first")
    return "dncnn-b" if "dncnn-b" in shipped else shipped[0]
