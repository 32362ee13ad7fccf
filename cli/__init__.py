"""The `dncnn-tf` command, one file per subcommand."""
