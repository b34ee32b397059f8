"""An array through a module with stored weights, as a user of torch would write it.

MODULE.pt INPUT.npy OUTPUT.npy THREADS RUNS
"""

import sys

import numpy as np
import torch

model, source, target, threads, runs = sys.argv[1:]
torch.set_num_threads(int(threads))
module = torch.load(model, weights_only=False, mmap=True).eval()
x = torch.from_numpy(np.load(source))
with torch.inference_mode():
    for _ in range(int(runs)):
        y = module(x)
np.save(target, y.numpy())
