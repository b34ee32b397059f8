"""An ONNX model as a spec: a layer for each value that a node gives, and what is wrong with it."""
