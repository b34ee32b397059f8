"""ONNX models that something is wrong with, for the transcripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.onnx.made_models import model, node


def write_onnx_models(folder: Path) -> None:
    """One for each code."""
    w = np.ones((2, 2), np.float32)
    rows = {"x": ["N", 2]}
    product = model([node("MatMul", "x w")], rows, constants={"w": w})
    image = {"x": ["N", 2, 8, 8]}
    kernel = np.ones((4, 2, 3, 3), np.float32)
    loop = helper.make_node("Loop", ["", "", "x"], ["l"], name="again", body=product.graph)
    other = helper.make_node("Fancy", ["l"], ["f"], domain="com.example")
    operations = [loop, other, node("QLinearMatMul", "f a b c d e g h", "q"), node("Det", "q")]
    numbers = dict.fromkeys("abcdegh", w)
    parted = node("Conv", "x w", name="conv1", group=3)
    complex_input = model([node("Identity", "x")], rows)
    complex_input.graph.input[0].type.tensor_type.elem_type = TensorProto.COMPLEX64
    outside = model([node("MatMul", "x w")], rows, constants={"w": w})
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../weights.bin")
    recurrent = {"W": np.ones((1, 3, 2), np.float32), "R": np.ones((1, 3, 3), np.float32)}
    models: dict[str, onnx.ModelProto] = {
        "sound": product,
        "operations": model(operations, rows, constants=numbers),
        "kernel": model([node("Conv", "x k", name="conv1")], {**image, "k": [4, 2, 3, 3]}),
        "joined": model([node("Concat", "x x", name="both", axis=0)], rows),
        "complex": complex_input,
        "outside": outside,
        "constant": model([node("Shape", "x")], rows),
        "steps": model([node("RNN", "x W R", hidden_size=3)], {"x": [7, 1, 2]}, (), recurrent),
        "parted": model([parted], image, constants={"w": kernel}),
    }
    models["steps"].graph.output.add(name="y").type.tensor_type.elem_type = TensorProto.FLOAT
    for name, made in models.items():
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())
    (folder / "cut.onnx").write_bytes(product.SerializeToString()[:-9])
