"""An array through an ONNX model, as a user of OpenVINO would write it.

MODEL.onnx INPUT.npy OUTPUT.npy THREADS RUNS
"""

import sys

import numpy as np
import openvino

model, source, target, threads, runs = sys.argv[1:]
settings = {"INFERENCE_NUM_THREADS": int(threads), "INFERENCE_PRECISION_HINT": "f32"}
compiled = openvino.Core().compile_model(model, "CPU", settings)
x = np.load(source)
for _ in range(int(runs)):
    y = compiled([x])[0]
np.save(target, y)
