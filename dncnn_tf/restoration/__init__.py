"""One picture: noise, choice of a model, tiles, denoising and the luminance tasks."""
