"""Packaging: `cli/` of the repository is installed as `dncnn_tf.cli`."""

import os
import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
TENSORFLOW = os.environ.get("DNCNN_TF_TENSORFLOW", "tensorflow")
VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "dncnn_tf/__init__.py").read_text(encoding="utf-8"))[1]


def requirements() -> list[str]:
    """Lines of requirements.txt without comments; DNCNN_TF_TENSORFLOW=tensorflow-cpu takes the smaller package."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [re.sub(r"^tensorflow\b", TENSORFLOW, line) for line in lines if line]


ENGINES = {
    "openvino": ["openvino>=2025.0", "onnx>=1.17"],
    "onnx": ["onnxruntime>=1.20", "onnx>=1.17"],
    "litert": ["ai-edge-litert>=2.0"],
}
RAY = ["ray[data]>=2.60,<2.64", "universal-pathlib>=0.3"]
# The stubs ask for the package named tensorflow; beside another one they have to be installed with --no-deps.
SERVING = ["grpcio>=1.60", *(["tensorflow-serving-api>=2.18"] if TENSORFLOW == "tensorflow" else [])]

setup(
    name="dncnn-tf",
    version=VERSION,
    description="DnCNN image denoising in Keras: trained models, training, evaluation, export to TensorFlow Serving",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=["dncnn_tf", "dncnn_tf.data", "dncnn_tf.data.camera", "dncnn_tf.runtimes", "dncnn_tf.cli"],
    package_dir={"dncnn_tf": "dncnn_tf", "dncnn_tf.cli": "cli"},
    package_data={"dncnn_tf": ["py.typed", "pretrained/*"], "dncnn_tf.data": ["*.json"]},
    install_requires=requirements(),
    extras_require={
        "test": [
            *("pytest>=8", "pytest-xdist>=3", "ruff>=0.9", "hypothesis>=6", "PyWavelets>=1.6"),
            *("kubernetes-validate>=1.31", "pyyaml>=6"),  # the manifest in the README
            "opencv-python-headless>=4.11",  # writes and reads pictures with coders of its own
            *{package for packages in ENGINES.values() for package in packages},
            *SERVING,
            *RAY,
        ],
        **ENGINES,
        "serving": SERVING,
        "ray": RAY,  # bulk denoising on a cluster, and pictures by URL
        "pth": ["torch>=2.4"],  # convert KAIR's .pth weights
    },
    python_requires=">=3.11",
    entry_points={"console_scripts": ["dncnn-tf = dncnn_tf.cli.main:main"]},
)
