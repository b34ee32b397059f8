"""Layers that Keras 0.x had and Keras 1.x has not, and what to do about each."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem

_CODE = "it holds Python code, which is never executed; "
_STATE = (
    "it steps through time with a state; what is convolutional before and after it can be run as "
    "models of their own"
)
_GRAPH = "write the model as a Graph that names the inputs of the shared layer"
_WHAT_TO_DO = {
    "AutoEncoder": "write the layers of its encoder and of its decoder into one Sequential; with "
    "output_reconstruction false its encoder's alone",
    "LambdaMerge": f"{_CODE}write what it computes as a Merge with a named mode",
    "MaskedLambda": f"{_CODE}write what it computes as an Activation with {{expr: ..}}",
    "Siamese": _GRAPH,
    "SiameseHead": _GRAPH,
    "WordContextProduct": "it multiplies two Embeddings: write them, and a Merge in mode dot",
    "JZS1": _STATE,
    "JZS2": _STATE,
    "JZS3": _STATE,
    "SimpleDeepRNN": _STATE,
}

_BY_EXPRESSION = {"MaskedLambda"}


def answerable(name: str) -> bool:
    """Whether an expression or layers in its place could answer a layer; ours to run or not."""
    return name not in _WHAT_TO_DO or name in _BY_EXPRESSION


def refusal(name: str) -> Problem | None:
    """CS028 for such a layer; None for any other name."""
    hint = _WHAT_TO_DO.get(name)
    if hint is None:
        return None
    return Problem("CS028", f"{name} is a layer of Keras 0.x that convspec does not run", hint)
