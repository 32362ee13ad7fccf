"""How large a picture an image file says it is, inside a TensorFlow graph: known before anything is unpacked."""

from __future__ import annotations

import tensorflow as tf

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"  # what TensorFlow's decoder tells them by


def stated_size(file: tf.Tensor) -> tf.Tensor:
    """Height and width by the header, int64 (2,).

    Args:
        file: a PNG, JPEG or BMP file's content, a scalar string. Of another kind, the graph fails: the header of a GIF
            does not tell how large its frames are.
    """

    def begins(magic: bytes) -> tf.Tensor:
        return tf.strings.substr(file, 0, len(magic)) == magic

    def png() -> tf.Tensor:  # 8 bytes, the first block's length and name, then width and height
        return _numbers(file, 16, "big")[::-1]

    def jpeg() -> tf.Tensor:
        return tf.cast(tf.image.extract_jpeg_shape(file)[:2], tf.int64)

    def bmp() -> tf.Tensor:
        return _numbers(file, 18, "little")[::-1]

    def other() -> tf.Tensor:
        refused = tf.debugging.Assert(False, ["image_bytes takes PNG, JPEG and BMP files; this is none of these"])
        with tf.control_dependencies([refused]):
            return tf.zeros(2, tf.int64)

    return tf.case([(begins(_PNG), png), (begins(_JPEG), jpeg), (begins(_BMP), bmp)], default=other)


def _numbers(file: tf.Tensor, start: int, order: str) -> tf.Tensor:
    """Two numbers of 32 bits, int64 (2,); without their signs, which in BMP say where the first row is.

    Of a file that ends before them, zeros: the decoder refuses it.
    """
    eight = tf.strings.substr(tf.strings.join([file, bytes(start + 8)]), start, 8)
    return tf.abs(tf.cast(tf.io.decode_raw(eight, tf.int32, order == "little"), tf.int64))
