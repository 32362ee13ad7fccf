"""`cli/` of the repository is installed as `dncnn_tf.cli`; all else about the package stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["dncnn_tf*"]), "dncnn_tf.cli", "dncnn_tf.cli.commands"],
    package_dir={"dncnn_tf": "dncnn_tf", "dncnn_tf.cli": "cli"},
)
