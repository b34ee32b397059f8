"""CS250 and CS251: models that go into the formats of others."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS250": Code(
        "cannot be said in ONNX",
        "A layer does something for which ONNX has no operation, or that hangs on a length that "
        "no input of the model shows. Nothing that computes other numbers is written instead.",
        "Follow the hint: it names what the layer would need, such as a length that is a number.",
    ),
    "CS251": Code(
        "cannot be said in layers of Keras 3",
        "A .keras file holds layers of Keras itself, and no code. What a layer computes is none of "
        "these, nor put together of several, or it would hang on the backend that runs it.",
        "Follow the hint; ONNX (--output model.onnx) says more.",
    ),
}
