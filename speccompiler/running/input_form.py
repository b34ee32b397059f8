"""The form that a model's input wants of pictures."""

from __future__ import annotations

from speccompiler.arrays.picture_form import PictureForm, PictureOptions, picture_form
from speccompiler.loading.dim_orderings import ordering_of
from speccompiler.validation.validated import ValidatedModel


def input_form(model: ValidatedModel, name: str, options: PictureOptions) -> PictureForm:
    """By the shape of the input and the ``dim_ordering`` of the model's layers."""
    shape = model.graph.inputs[model.input_names.index(name)].shape
    orderings = {o for layer in model.spec.layers if (o := ordering_of(layer)) in {"th", "tf"}}
    return picture_form(shape, orderings, options)
