"""One training run: batches, phases, checkpoints, what it leaves behind."""
