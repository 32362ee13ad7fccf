"""What a sensor's filters make of sRGB's colors: the matrices of real cameras, and mixtures of them."""

from __future__ import annotations

import numpy as np

# From XYZ (D65) to the camera's own RGB. The first four are those that Brooks et al. 2019 (Unprocessing Images for
# Learned Raw Denoising) mix, taken from cameras of the Darmstadt Noise Dataset; the others are Adobe's, as DNG files
# and dcraw's table have them: Canon EOS 5D Mark II, 5D Mark III and 6D, Nikon D800 and D810.
_FROM_XYZ = np.array(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
        [[0.4716, 0.0603, -0.0830], [-0.7798, 1.5474, 0.2480], [-0.1496, 0.1937, 0.6651]],
        [[0.6722, -0.0635, -0.0963], [-0.4287, 1.2460, 0.2028], [-0.0908, 0.2162, 0.5668]],
        [[0.7034, -0.0804, -0.1014], [-0.4420, 1.2564, 0.2058], [-0.0851, 0.1994, 0.5758]],
        [[0.7866, -0.2108, -0.0555], [-0.4869, 1.2483, 0.2681], [-0.1176, 0.2069, 0.7501]],
        [[0.9369, -0.3195, -0.0791], [-0.4488, 1.2430, 0.2301], [-0.0893, 0.1796, 0.6872]],
    ]
)
# IEC 61966-2-1: linear sRGB to XYZ (D65).
_SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def draw_matrix(rng: np.random.Generator) -> np.ndarray:
    """From linear sRGB to one camera's white-balanced RGB: float32 (3, 3), a random mixture of real cameras' matrices.

    Each row sums to 1, so that grey stays grey (Brooks et al. 2019, section 3.3).
    """
    weights = rng.uniform(size=len(_FROM_XYZ)) ** 3  # cubed: nearer to one camera than to the mean of them all
    matrix = np.tensordot(weights / weights.sum(), _FROM_XYZ, axes=1) @ _SRGB_TO_XYZ
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
