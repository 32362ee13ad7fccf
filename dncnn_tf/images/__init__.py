"""One file or array in, the same out: reading, writing, levels, color, resizing."""
