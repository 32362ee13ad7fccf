"""What is installed: metadata, what works without TensorFlow, and whether each public name is explained."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dncnn_tf

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]

_HIDE_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, *others):
        return None if name == "tensorflow" else super().find_spec(name, *others)

sys.meta_path = [Finder if finder is PathFinder else finder for finder in sys.meta_path]
"""


def without_tensorflow(*arguments: object, code: str = "import dncnn_tf.__main__") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _HIDE_TENSORFLOW + code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_package_asks_for_no_tensorflow_but_offers_three() -> None:
    """Its packages hold the same files: a wheel that named one would break the other."""
    requirements = importlib.metadata.requires("dncnn-tf") or []
    assert not [line for line in requirements if line.startswith("tensorflow") and "extra ==" not in line]
    for extra, package in (("tensorflow", "tensorflow"), ("cpu", "tensorflow-cpu"), ("gpu", r"tensorflow\[and-cuda\]")):
        assert [line for line in requirements if re.match(rf'{package}\W.*extra == ["\']{extra}["\']', line)], extra


def test_the_installed_metadata_are_those_of_this_checkout() -> None:
    metadata = importlib.metadata.metadata("dncnn-tf")
    assert metadata["Version"] == dncnn_tf.__version__
    assert metadata["Summary"] == PROJECT["description"]
    assert metadata["License-Expression"] == "MIT"
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    pythons = {line.rpartition(" ")[2] for line in metadata.get_all("Classifier") if ":: Python :: 3." in line}
    assert metadata["Requires-Python"] == f">={min(pythons, key=lambda version: int(version.partition('.')[2]))}"


def test_without_tensorflow_the_demo_works(tmp_path: Path) -> None:
    done = without_tensorflow("demo", "-o", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "denoised  PSNR 30." in done.stdout
    assert (tmp_path / "comparison.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--sigma", 25, "--output", "{folder}/run"),
        ("evaluate", "--model", "dncnn-b", "--data", "sample", "--sigma", 25),
        ("export", "--model", "dncnn-b", "--output", "{folder}/exported"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_without_tensorflow_a_command_that_needs_it_says_what_to_install(tmp_path: Path, arguments: tuple) -> None:
    done = without_tensorflow(*(str(argument).format(folder=tmp_path) for argument in arguments))
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: TensorFlow is missing; install it with: pip install 'dncnn-tf[tensorflow]'")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_tensorflow_python_says_the_same() -> None:
    done = without_tensorflow(code="import dncnn_tf; dncnn_tf.train")
    assert "dncnn_tf.errors.MissingPackageError: TensorFlow is missing; install it with: pip" in done.stderr


@pytest.mark.parametrize("name", dncnn_tf.__all__)
def test_a_public_name_is_explained_and_has_its_place_in_the_docs(name: str) -> None:
    thing = getattr(dncnn_tf, name)
    if inspect.isclass(thing):
        own = vars(thing)["__doc__"]  # not its base's, nor what a dataclass makes up
        assert own
        assert not own.startswith(f"{name}(")
    elif inspect.isroutine(thing):
        assert thing.__doc__
    else:  # a constant: a string stands below it
        body = ast.parse(inspect.getsource(sys.modules[f"dncnn_tf.{dncnn_tf._MODULES[name]}"])).body
        below = [
            after
            for line, after in itertools.pairwise(body)
            if name in {ast.unparse(target) for target in getattr(line, "targets", [getattr(line, "target", line)])}
        ]
        assert isinstance(below[0], ast.Expr)
        assert isinstance(below[0].value, ast.Constant)
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/api").glob("*.md"))
    assert len(re.findall(rf"^::: dncnn_tf\.{name}$", pages, re.MULTILINE)) == 1


def test_files_that_are_no_python_are_packaged() -> None:
    packaged = PYPROJECT["tool"]["setuptools"]["package-data"]
    for room in ("viewing", "ui"):
        folder = ROOT / "dncnn_tf" / room
        files = {path for path in folder.rglob("*.*") if path.suffix not in (".py", ".pyc")}
        assert files
        assert files == {path for pattern in packaged[f"dncnn_tf.{room}"] for path in folder.glob(pattern)}


def test_public_names_are_there_and_imported_only_when_used() -> None:
    code = "import sys, json, dncnn_tf; print(json.dumps([m for m in sys.modules if '.' not in m]))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert not {"keras", "tensorflow", "numpy", "PIL"} & set(loaded)
    assert all(getattr(dncnn_tf, name) is not None for name in dncnn_tf.__all__)
    assert set(dncnn_tf.__all__) <= set(dir(dncnn_tf))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        dncnn_tf.nothing_of_the_kind  # noqa: B018
