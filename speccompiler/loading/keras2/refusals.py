"""Classes of Keras 2 and 3 that convspec does not run, and the closest way out of each."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS, own_type

_ATTENTION = (
    "it weighs the steps by one another; save what comes before and after it as models of their own"
)
_TABLE = "it maps texts or numbers by a table; do that before the model, and save the rest"
_FUNCTION = "build the model of layers alone"
_CODE = "it holds Python code or a graph of another framework, neither of which is executed"
_CELL = "it is one step of a layer: an RNN around it is read"
_OLD = "Keras 1.x had it; its formula as layers, or as an expression, is read"
_WHOLE = "it looks at all values of an image: do that before the model, and save the rest"
_STATE = "save the layers before and after it as models of their own"
_WHAT_TO_DO = {
    "Attention": _ATTENTION,
    "AdditiveAttention": _ATTENTION,
    "MultiHeadAttention": _ATTENTION,
    "GroupedQueryAttention": _ATTENTION,
    "GroupQueryAttention": _ATTENTION,
    "EinsumDense": "a Dense, with Reshape and Permute around it, computes the same",
    "ConvLSTM1D": f"ConvLSTM2D is read, on images of one row; else {_STATE}",
    "ConvLSTM3D": _STATE,
    "ConvLSTM2DCell": _STATE,
    "RNN": f"around SimpleRNNCell, GRUCell and LSTMCell it is read; else {_STATE}",
    "StackedRNNCells": _STATE,
    "AbstractRNNCell": _STATE,
    "SimpleRNNCell": _CELL,
    "GRUCell": _CELL,
    "LSTMCell": _CELL,
    "Highway": _OLD,
    "MaxoutDense": _OLD,
    "ConvRNN2D": _STATE,
    "AutoContrast": _WHOLE,
    "CLAHE": _WHOLE,
    "ReversibleEmbedding": "an Embedding reads its table the same way",
    "RandomFourierFeatures": "a Dense with cos(x) as its activation computes the same",
    "CenterCrop": "the file does not tell how large images are: a Cropping2D with the amounts does "
    "the same",
    "CategoryEncoding": _TABLE,
    "Discretization": _TABLE,
    "HashedCrossing": _TABLE,
    "Hashing": _TABLE,
    "IndexLookup": _TABLE,
    "IntegerLookup": _TABLE,
    "DynamicEmbedding": _TABLE,
    "DynamicLookup": _TABLE,
    "StringLookup": _TABLE,
    "TextVectorization": _TABLE,
    "DenseFeatures": _TABLE,
    "FeatureSpace": _TABLE,
    "MelSpectrogram": "compute the spectrogram before the model, and save the rest",
    "STFTSpectrogram": "compute the spectrogram before the model, and save the rest",
    "RMSNormalization": "LayerNormalization is read; it also takes the mean off",
    "Wrapper": "save the layer that it wraps",
    "TFOpLambda": _FUNCTION,
    "SlicingOpLambda": _FUNCTION,
    "TensorFlowOpLayer": _FUNCTION,
    "ClassMethod": _FUNCTION,
    "InstanceMethod": _FUNCTION,
    "InstanceProperty": _FUNCTION,
    "TFSMLayer": _CODE,
    "JaxLayer": _CODE,
    "FlaxLayer": _CODE,
    "TorchModuleWrapper": _CODE,
    "RandomCrop": "its releases resize, crop or do nothing in a forward pass: save the layers "
    "behind it",
    "AdaptiveAveragePooling1D": "AveragePooling with the windows of the input's size",
    "AdaptiveAveragePooling2D": "AveragePooling with the windows of the input's size",
    "AdaptiveAveragePooling3D": "AveragePooling with the windows of the input's size",
    "AdaptiveMaxPooling1D": "MaxPooling with the windows of the input's size",
    "AdaptiveMaxPooling2D": "MaxPooling with the windows of the input's size",
    "AdaptiveMaxPooling3D": "MaxPooling with the windows of the input's size",
}

_BY_LAYERS = frozenset(
    {
        "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D",
        "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "CenterCrop",
        "EinsumDense", "Highway", "InstanceMethod", "RandomCrop", "SlicingOpLambda", "TFOpLambda",
        "TensorFlowOpLayer",
    }
)  # fmt: skip


_ACTIVATIONS = {
    "glu": "it multiplies one half of the channels by the sigmoid of the other: two layers, one of "
    "them with sigmoid, and a Multiply of both do the same",
    "sparsemax": "it sorts the values of a sample; softmax is read",
    "threshold": "it takes numbers beside its input, which no file holds; ReLU is read, with a "
    "threshold",
}
"""Functions of Keras 3 that are no formulas of single values."""


def answerable(name: str) -> bool:
    """Whether an expression or layers in its place could answer a class."""
    return name in _BY_LAYERS or not (name in _WHAT_TO_DO or name in _ACTIVATIONS)


def refusal_of(name: str) -> Problem:
    """CS028 for a class of Keras's, CS082 for a Lambda, CS027 for a class of somebody else's."""
    if name == "Lambda":
        return Problem(
            "CS082",
            "Lambda holds Python code, which convspec never executes, whatever it does",
            "write what it computes as an Activation with {expr: ..} in a native spec, or as "
            "layers",
        )
    if name.startswith(("ops.", "tf.")):
        function = f"keras.{name}" if name.startswith("ops.") else name
        text = f"{shown(function)} is a function among the layers that convspec does not run"
        return Problem("CS028", text, _FUNCTION)
    hint = _WHAT_TO_DO.get(name)
    if hint is not None:
        return Problem(
            "CS028", f"{name} is a layer of Keras 2 and later that convspec does not run", hint
        )
    if name in _ACTIVATIONS:
        text = f"{name} is an activation of Keras 3 that convspec does not run"
        return Problem("CS028", text, _ACTIVATIONS[name])
    old = own_type(name)
    return Problem(
        "CS027",
        f"'{shown(name)}' is no layer and no activation of Keras 2 or later: it is the work of the "
        "model's author or of another package",
        f"{old} is one of Keras 1.x: if that wrote the file, correct its keras_version"
        if old in LAYERS and old not in NATIVE_LAYERS
        else None,
    )
