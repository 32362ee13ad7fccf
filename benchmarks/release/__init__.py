"""From a run to a model in the box."""
