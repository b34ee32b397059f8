"""What ``get_config()`` gave, as the whole model that ``to_json()`` writes around it."""

from __future__ import annotations

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.source.saved_models import is_layer_list, is_network_config, is_old_model
from speccompiler.source.tree import Entry, Mapping, Scalar, TreeNode

_ENDS = {"input_layers", "output_layers"}


def whole_model(root: TreeNode) -> tuple[TreeNode, Diagnostic | None]:
    """A config with its class and a note CS070; anything else as it is.

    A Sequential gave the list of its layers, a functional model a mapping with the layers and
    their links. A mapping without links is what a Sequential of Keras 2.2.3 and later gave.
    """
    if is_layer_list(root):
        return _with_class(root, "Sequential")
    if not isinstance(root, Mapping) or "class_name" in root.entries or is_old_model(root):
        return root, None
    if is_network_config(root):
        return _with_class(root, "Sequential" if _ENDS.isdisjoint(root.entries) else "Model")
    return root, None


def _with_class(config: TreeNode, name: str) -> tuple[TreeNode, Diagnostic]:
    entries = {
        "class_name": Entry(config.span, Scalar(name, config.span)),
        "config": Entry(config.span, config),
    }
    note = Diagnostic(
        "CS070",
        f"this is what get_config() of a {name} gave; it is read as the {name}",
        Severity.NOTE,
        span=config.span,
        hint="to_json() also writes the release of Keras, which some layers' numbers hang on",
    )
    return Mapping(entries, config.span), note
