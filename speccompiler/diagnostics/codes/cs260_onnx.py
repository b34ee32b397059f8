"""CS260 to CS270: ONNX models."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS260": Code(
        "damaged ONNX model",
        "The file ends in .onnx or begins as ONNX models do, but its bytes are no sound message, "
        "or a tensor has not as many numbers as its shape says. The message says what was found.",
        "Export or copy the file again.",
    ),
    "CS261": Code(
        "ONNX operation that is not supported",
        "Nodes are read that the outputs need. Control flow, functions that a file defines, "
        "operations of other domains and quantised ones are refused by the name and number of the "
        "node; docs/onnx.md lists the operations that are supported.",
        "Export the model again without the operation, or with an older operator set.",
    ),
    "CS262": Code(
        "use of an ONNX operation that is not supported",
        "The operation is supported, but not with this attribute, or with an input that depends "
        "on the model's input where a constant is needed.",
        "Follow the hint; tools that fold constants (onnx-simplifier) often help.",
    ),
    "CS263": Code(
        "ONNX operation on the axis of samples",
        "The first axis of each input counts samples, which convspec computes one by one: any "
        "number of them may go in. An operation that joins samples, picks some of them or sums "
        "over them would depend on how they are put together.",
        "Export the model so that the axis of samples stays by itself, best with an open length.",
    ),
    "CS264": Code(
        "type of an ONNX value that is not supported",
        "Values are computed as float32; whole numbers can only be numbers of rows of a table.",
        "Export the model with floats.",
    ),
    "CS265": Code(
        "data of an ONNX model in another file",
        "Large models keep their tensors in files beside them. Such a file has to lie in the "
        "folder of the model or below it, and to hold all that the model says.",
        "Copy the data beside the model, under the name that it had.",
    ),
    "CS266": Code(
        "constant of an ONNX model that cannot be used",
        "A constant that is computed would be too large, or an output of the model depends on "
        "constants and shapes alone.",
        "Follow the hint.",
    ),
    "CS267": Code(
        "note on how an ONNX model is read",
        "Arrays have samples along their first axis here, also where the file has them elsewhere.",
        "Nothing has to be done; give arrays as the note says.",
    ),
    "CS268": Code(
        "option that ONNX models do not take",
        "An ONNX model holds its weights, and says itself what it computes.",
        "Leave the option out.",
    ),
    "CS269": Code(
        "contradiction in an ONNX model",
        "An attribute has a value that it cannot have, shapes of a node do not fit, or its inputs "
        "come from nowhere: the file says something that no runtime could compute.",
        "Check the model with onnx.checker, and export it again.",
    ),
    "CS270": Code(
        "ONNX model that cannot be a native spec",
        "A native spec is made of Keras's layers, and most of what ONNX operations can do has no "
        "layer there. ONNX models are validated, reported, compared and run as they are.",
        "Use the .onnx file itself wherever a command takes a model. Without --to-semantics and "
        "--to-dim-ordering it can be written as .keras, where layers of Keras 3 can say it.",
    ),
}
