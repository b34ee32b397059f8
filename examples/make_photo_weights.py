"""Write specs/photo.npz: the kernels of photo.yaml, each a filter one can look up.

    python examples/make_photo_weights.py

Kernels have Keras's 'tf' layout: (rows, columns, channels in, filters out).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

LUMINANCE = (0.299, 0.587, 0.114)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4


def blur() -> Array:
    """RGB to blurred R, G, B and brightness: the binomial 5 x 5 window, sum 1."""
    row = np.array([1, 4, 6, 4, 1]) / 16
    window = np.outer(row, row)
    mix = np.column_stack([np.eye(3), LUMINANCE])
    kernel: Array = np.einsum("hw,io->hwio", window, mix).astype(np.float32)
    return kernel


def edges() -> Array:
    """R, G, B as they are; brightness to its slope along columns and along rows."""
    kernel = np.zeros((3, 3, 4, 5))
    for channel in range(3):
        kernel[1, 1, channel, channel] = 1
    kernel[:, :, 3, 3] = SOBEL
    kernel[:, :, 3, 4] = SOBEL.T
    return kernel.astype(np.float32)


def ink() -> Array:
    """Colour less both slopes: dark lines where brightness changes."""
    kernel = np.zeros((1, 1, 5, 3))
    kernel[0, 0, :3] = np.eye(3)
    kernel[0, 0, 3:] = -1.6
    return kernel.astype(np.float32)


def smooth() -> Array:
    """The 3 x 3 tent on each channel: after doubling, it hides the repeated pixels."""
    row = np.array([1, 2, 1]) / 4
    kernel: Array = np.einsum("hw,io->hwio", np.outer(row, row), np.eye(3)).astype(np.float32)
    return kernel


def kernels() -> dict[str, Array]:
    """Every array of the file, by the key that photo.yaml's layers look for."""
    return {"blur/W": blur(), "edges/W": edges(), "ink/W": ink(), "smooth/W": smooth()}


if __name__ == "__main__":
    np.savez(Path(__file__).parent / "specs" / "photo.npz", **kernels())  # type: ignore[arg-type]
