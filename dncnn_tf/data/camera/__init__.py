"""A camera, simulated: what noise looks like in the pictures that cameras and phones write."""
