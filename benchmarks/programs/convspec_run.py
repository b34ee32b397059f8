"""An array through a spec with stored weights, as a user of convspec would write it.

MODEL.yaml WEIGHTS|- MATH INPUT.npy OUTPUT.npy THREADS RUNS
"""

import sys

import numpy as np

from speccompiler.model import load

model, weights, math, source, target, threads, runs = sys.argv[1:]
x = np.load(source)
loaded = load(model, weights=None if weights == "-" else weights)
compiled = loaded.compile(batch_size=len(x), threads=int(threads), math=math)  # type: ignore[arg-type]
for _ in range(int(runs)):
    y = compiled.run(x)
np.save(target, y)
