"""Many files: what to do, reading ahead, restoring, writing, here or on Ray."""
