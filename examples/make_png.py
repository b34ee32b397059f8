"""Put what went into a model and what came out side by side in a PNG.

    python examples/make_png.py INPUT.npy OUTPUT.npy PICTURE.png

Both arrays are (samples, rows, columns, 3); the first sample is shown. Whole numbers
are taken as 0 to 255, the others as 0 to 1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

GAP = 12
"""White pixels between the pictures."""


def picture(samples: npt.NDArray[Any]) -> Image.Image:
    """The first sample as an 8-bit picture."""
    sample = samples[0]
    if not np.issubdtype(sample.dtype, np.integer):
        sample = np.rint(np.clip(sample, 0, 1) * 255)
    return Image.fromarray(sample.astype(np.uint8))


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both at the height of the right one."""
    left = left.resize((left.width * right.height // left.height, right.height))
    both = Image.new("RGB", (left.width + GAP + right.width, right.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    return both


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} INPUT.npy OUTPUT.npy PICTURE.png")
    given, computed, target = map(Path, sys.argv[1:])
    side_by_side(picture(np.load(given)), picture(np.load(computed))).save(target)
