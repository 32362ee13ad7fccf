"""What stands behind the project's figures; README.md is the index."""
