"""A page of this machine: pictures before and after, seen in a browser."""
