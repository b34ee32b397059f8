"""Whose class a layer is: Keras's own, or one that the file's author or a package brought along."""

from __future__ import annotations

from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar

_KERAS = ("keras", "tf_keras", "tensorflow")


def is_custom(node: Mapping) -> bool:
    """Whether Keras 3's ``module`` or ``registered_name`` says that a class is not Keras's.

    Keras registers its own under their bare names, and others as ``Package>Name``.
    """
    registered = text_at(node, "registered_name")
    if registered is not None and ">" in registered:
        return not registered.startswith("keras")
    if "module" not in node.entries:
        return False
    module = text_at(node, "module")
    if module is None:
        value = node.entries["module"].value
        return isinstance(value, Scalar) and value.value is None
    return module.split(".", 1)[0] not in _KERAS
