"""Figures: the paper's protocol, its tables, and times."""
