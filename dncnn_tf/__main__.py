"""`python -m dncnn_tf`, also from an uninstalled checkout."""

try:
    from .cli.main import main
except ModuleNotFoundError as error:
    if error.name not in ("dncnn_tf.cli", "dncnn_tf.cli.main"):
        raise
    from cli.main import main

main()
