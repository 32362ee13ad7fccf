"""The arrows between the rooms: imports point down only, and the core stays free of TensorFlow."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the bottom up. A module may import from its own layer and from those before it.
LAYERS = (
    (
        "__init__",
        "config",
        "cards",
        "engines",
        "limits",
        "turns",
        "formats",
        "files",
        "arrays",
        "picture",
        "png_chunks",
        "images",
        "tiff",
        "image_writing",
        "color",
        "jpeg_quality",
        "precision",
        "resizing",
        "batch_norm",
        "losses",
        "cluster",
        "optimizers",
        "network",
        "onnx_graph",
    ),
    ("model", "model_choice", "metrics", "noise", "transfer", "data"),
    (
        "inference",
        "inspection",
        "restoration",
        "runtimes",
        "weights",
        "convert",
        "runs",
        "recording",
        "tiling",
        "saved_model",
        "tflite",
    ),
    (
        "training",
        "learning",
        "training_loops",
        "evaluation",
        "paper_tables",
        "export",
        "export_checks",
        "run_time",
        "serving",
        "serving_config",
        "warmup",
        "report",
    ),
)
WITHOUT_TENSORFLOW = ("config", "convert", "images", "inference", "metrics", "model", "noise", "transfer", "weights")


def modules() -> list[Path]:
    return [path for path in sorted((ROOT / "dncnn_tf").rglob("*.py")) if path.name != "__main__.py"]


def room(path: Path) -> str:
    """The name by which the layers know a module: its folder's below dncnn_tf, else its own."""
    parts = path.relative_to(ROOT / "dncnn_tf").parts
    return parts[0] if len(parts) > 1 else path.stem


def imported_rooms(path: Path) -> set[str]:
    """Rooms of dncnn_tf that a module imports, anywhere in its code."""
    depth = len(path.relative_to(ROOT / "dncnn_tf").parts)
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or node.level != depth:
            continue
        if node.module:
            rooms.add(node.module.split(".")[0])
        else:
            rooms.update(alias.name for alias in node.names)
    return rooms


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def test_every_module_has_its_place() -> None:
    known = {name for names in LAYERS for name in names}
    assert {room(path) for path in modules()} <= known


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    if path.name == "__init__.py" and path.parent.name == "dncnn_tf":
        return  # re-exports, imported when first used
    upwards = {name for name in imported_rooms(path) if layer(name) > layer(room(path))}
    assert not upwards


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_knows_neither_the_command_line_nor_printing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "print" not in names
    assert not imports(tree) & {"click", "rich", "cli"}


@pytest.mark.parametrize("name", WITHOUT_TENSORFLOW)
def test_the_core_does_not_import_tensorflow(name: str) -> None:
    tree = ast.parse((ROOT / "dncnn_tf" / f"{name}.py").read_text(encoding="utf-8"))
    assert "tensorflow" not in imports(tree)


def imports(tree: ast.AST) -> set[str]:
    """Top-level packages that a module imports, anywhere in its code."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names
