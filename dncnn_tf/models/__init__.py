"""The network and its weights, without TensorFlow at import."""
