"""What tells that Keras 2 or later wrote a model which names no release.

``get_config()`` has no ``keras_version``, nor has the attribute ``model_config`` of an HDF5 file.
"""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, mappings

_BESIDE = ("module", "registered_name", "build_config", "compile_config")
"""Keys beside ``class_name`` since Keras 3."""
_ARGUMENTS = frozenset(
    {
        "filters", "kernel_size", "units", "use_bias", "data_format", "dilation_rate", "dtype",
        "batch_shape", "kernel_initializer", "bias_initializer", "kernel_regularizer",
        "bias_regularizer", "kernel_constraint", "bias_constraint", "depthwise_initializer",
        "pointwise_initializer", "embeddings_initializer", "recurrent_initializer",
        "beta_initializer", "gamma_initializer", "moving_mean_initializer",
        "moving_variance_initializer",
    }
)  # fmt: skip
"""Arguments that no layer of Keras 1.x has; one alone may be a slip of somebody's hand."""


def written_by_keras2(root: Mapping) -> tuple[Span, Problem] | None:
    """CS040 at the first thing that only Keras 2 or later writes; None without any."""
    for node in mappings(root):
        if "class_name" not in node.entries:
            continue
        for key in _BESIDE:
            if key in node.entries:
                return node.entries[key].key_span, _problem(f"'{key}' beside class_name", "tells")
        config = node.entries["config"].value if "config" in node.entries else None
        if not isinstance(config, Mapping):
            continue
        found = [key for key in config.entries if key in _ARGUMENTS]
        if len(found) > 1:
            name = text_at(config, "name") or text_at(node, "class_name") or ""
            what = f"'{found[0]}' and '{found[1]}' of '{shown(name)}'"
            return config.entries[found[0]].key_span, _problem(what, "tell")
    return None


def _problem(what: str, tell: str) -> Problem:
    return Problem(
        "CS040",
        f"Keras 2 or later wrote this, as {what} {tell}; convspec reads what Keras 0.1 to 1.2.2 "
        "wrote",
        "write the model as a native spec, with the arguments of Keras 1.x",
    )
