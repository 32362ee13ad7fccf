"""Packaging: `cli/` of the repository is installed as `dncnn_tf.cli`."""

import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "dncnn_tf/__init__.py").read_text(encoding="utf-8"))[1]


def requirements() -> list[str]:
    """Lines of requirements.txt without comments."""
    lines = (
        line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    )
    return [line for line in lines if line]


setup(
    name="dncnn-tf",
    version=VERSION,
    packages=["dncnn_tf", "dncnn_tf.data", "dncnn_tf.cli"],
    package_dir={"dncnn_tf": "dncnn_tf", "dncnn_tf.cli": "cli"},
    package_data={"dncnn_tf": ["py.typed", "pretrained/*"], "dncnn_tf.data": ["*.json"]},
    install_requires=requirements(),
    python_requires=">=3.11",
    entry_points={"console_scripts": ["dncnn-tf = dncnn_tf.cli.main:main"]},
)
