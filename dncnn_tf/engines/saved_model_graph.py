"""A DnCNN as a TensorFlow SavedModel with the signatures that TensorFlow Serving offers."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from ..models.dncnn import from_network
from ..models.folded import Network
from .contract import BYTES_INPUT, BYTES_OUTPUT, IMAGE_BYTES, INPUT, MAX_FILE_PIXELS, OUTPUT, SIGNATURE, UINT8
from .file_size import stated_size
from .precision import KERAS_POLICIES, Precision


def write_saved_model(
    network: Network, folder: Path, *, precision: Precision = "float32", max_pixels: int = MAX_FILE_PIXELS
) -> None:
    """Write a SavedModel.

    Its signatures, each for any N, H and W:

    - `serving_default`: `noisy`, float32 (N, H, W, C) in [0, 1] → `denoised`, the same shape, not clipped;
    - `uint8`: the same in uint8, clipped and rounded;
    - `image_bytes`: `image_bytes`, N files' contents (PNG, JPEG or BMP, 8 bits), each of its own size →
      `denoised_bytes`, N PNG files' contents, grey or colour, with or without alpha as they came. They are done one
      after the other, and one of more than `max_pixels` is refused before it is unpacked.

    Args:
        network: weights and shape.
        folder: where; it must not exist.
        precision: of the arithmetic inside.
        max_pixels: of a file in `image_bytes`.
    """
    folded = from_network(network, dtype=KERAS_POLICIES[precision])
    shape = (None, None, None, folded.input_shape[-1])

    def floats(noisy: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: folded(noisy, training=False)}

    def levels(noisy: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: _to_levels(folded(_from_levels(noisy), training=False))}

    def files(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        signature = tf.TensorSpec((), tf.string)
        return {
            BYTES_OUTPUT: tf.map_fn(
                lambda file: _denoise_file(folded, file, max_pixels),
                image_bytes,
                fn_output_signature=signature,
                parallel_iterations=1,  # in the memory that one takes
            )
        }

    archive = keras.export.ExportArchive()
    archive.track(folded)
    archive.add_endpoint(SIGNATURE, floats, input_signature=[tf.TensorSpec(shape, tf.float32, name=INPUT)])
    archive.add_endpoint(UINT8, levels, input_signature=[tf.TensorSpec(shape, tf.uint8, name=INPUT)])
    archive.add_endpoint(IMAGE_BYTES, files, input_signature=[tf.TensorSpec((None,), tf.string, name=BYTES_INPUT)])
    archive.write_out(folder, verbose=False)


def _from_levels(levels: tf.Tensor) -> tf.Tensor:
    return tf.cast(levels, tf.float32) / 255


def _to_levels(denoised: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(denoised, 0, 1) * 255), tf.uint8)


def _denoise_file(folded: keras.Model, file: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """One file's content to another's; a grey model takes colours one by one, a colour model takes grey as colour."""
    size = stated_size(file)
    within = tf.debugging.Assert(
        tf.reduce_prod(size) <= max_pixels,
        ["image_bytes takes files of at most", max_pixels, "pixels. Received rows and columns:", size],
    )
    with tf.control_dependencies([within]):
        image = tf.io.decode_image(file, expand_animations=False)  # (H, W, 1 to 4)
    channels = tf.shape(image)[-1]
    colors = channels - 1 + channels % 2  # without alpha, which is the second or the fourth
    noisy = _from_levels(image[..., :colors])
    if folded.input_shape[-1] == 1:
        planes = tf.transpose(noisy, (2, 0, 1))[..., None]  # (1 or 3, H, W, 1)
        planes = tf.map_fn(lambda plane: folded(plane[None], training=False)[0], planes, parallel_iterations=1)
        denoised = tf.transpose(planes[..., 0], (1, 2, 0))
    else:
        rgb = noisy + tf.zeros(3)
        denoised = folded(rgb[None], training=False)[0]
        denoised = tf.cond(colors == 1, lambda: tf.reduce_mean(denoised, axis=-1, keepdims=True), lambda: denoised)
    return tf.io.encode_png(tf.concat([_to_levels(denoised), image[..., colors:]], axis=-1))
