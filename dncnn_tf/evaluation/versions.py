"""What a figure depends on besides the model and the pictures."""

from __future__ import annotations

import importlib.metadata
import platform


def versions() -> dict[str, str]:
    """Versions of everything that a figure depends on."""
    import keras

    backend = keras.backend.backend()
    names = ("keras", backend, f"{backend}-cpu", "numpy", "pillow", "scikit-image")
    found = {name: importlib.metadata.version(name) for name in names if _installed(name)}
    return {"python": platform.python_version(), **found}


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False  # TensorFlow's distribution has several names
    return True
