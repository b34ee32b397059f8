"""An image larger than memory through a torch module, tile by tile: overlap and crop.

MODULE.pt INPUT.npy OUTPUT.npy FILTERS TILE HALO THREADS LAYOUT

The image is (1, channels, height, width). Each tile is run with ``HALO`` more pixels on every side
that is not the image's own border, and these are cropped from the result. ``TILE`` 0 runs the image
as a whole. ``LAYOUT`` is ``contiguous`` or ``channels_last``.
"""

import sys

import numpy as np
import torch

module_file, source, target, filters, tile, halo, threads, layout = sys.argv[1:]
torch.set_num_threads(int(threads))
memory_format = getattr(torch, f"{layout}_format" if layout == "contiguous" else layout)
module = torch.load(module_file, weights_only=False, mmap=True).eval()
module = module.to(memory_format=memory_format)
x = np.load(source, mmap_mode="r")
height, width = x.shape[2:]
shape = (1, int(filters), height, width)
y = np.lib.format.open_memmap(target, "w+", np.float32, shape)
size, more = int(tile) or max(height, width), int(halo)
with torch.inference_mode():
    for top in range(0, height, size):
        for left in range(0, width, size):
            bottom, right = min(top + size, height), min(left + size, width)
            first, start = max(0, top - more), max(0, left - more)
            piece = np.array(x[:, :, first : bottom + more, start : right + more])
            made = torch.sigmoid(module(torch.from_numpy(piece).to(memory_format=memory_format)))
            rows = slice(top - first, bottom - first)
            columns = slice(left - start, right - start)
            y[:, :, top:bottom, left:right] = made[:, :, rows, columns].numpy()
y.flush()
