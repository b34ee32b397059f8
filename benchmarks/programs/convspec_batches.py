"""Arrays in memory, batch by batch, as the fastest loop over ``plan.run``; prints the seconds.

MODEL WEIGHTS|- INPUT.npy BATCH THREADS
"""

import sys
import time

import numpy as np

from speccompiler.model import load

model, weights, source, batch, threads = sys.argv[1:]
x = np.load(source)
size = int(batch)
plan = load(model, weights=None if weights == "-" else weights).compile(
    batch_size=size, threads=int(threads)
)
y = np.empty(plan.output_shapes(len(x))[0], np.float32)
y[:size] = plan.run(x[:size])
started = time.perf_counter()
for at in range(0, len(x), size):
    plan.run(x[at : at + size], out=y[at : at + size])
print(time.perf_counter() - started)
