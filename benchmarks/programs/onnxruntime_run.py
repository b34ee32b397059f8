"""An array through an ONNX model, as a user of onnxruntime would write it.

MODEL.onnx INPUT.npy OUTPUT.npy THREADS RUNS
"""

import sys

import numpy as np
import onnxruntime

model, source, target, threads, runs = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
x = np.load(source)
for _ in range(int(runs)):
    (y,) = session.run(None, {"x": x})
np.save(target, y)
