"""TensorFlow Serving's list of models."""

from __future__ import annotations

from pathlib import Path

from ..files import atomic_path
from ..models.source import newest_version

MODELS_CONFIG = "models.config"


def models_config(exported: Path, base: str) -> str:
    """TensorFlow Serving's list of models, as text.

    Args:
        exported: folder of all exports; each model with a version in it is listed.
        base: where the server finds that folder.
    """
    names = sorted(path.name for path in exported.iterdir() if path.is_dir() and newest_version(path) is not None)
    entries = (
        f'  config {{ name: "{name}" base_path: "{base}/{name}" model_platform: "tensorflow" }}\n' for name in names
    )
    return f"model_config_list {{\n{''.join(entries)}}}\n"


def write_models_config(exported: Path) -> None:
    """Write `models.config` for a container that has the folder at /models."""
    with atomic_path(exported / MODELS_CONFIG) as path:
        path.write_text(models_config(exported, "/models"), encoding="utf-8")
