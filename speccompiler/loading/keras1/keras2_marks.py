"""What tells that Keras 2 or later wrote a model which names no release.

``get_config()`` has no ``keras_version``, nor has the attribute ``model_config`` of an HDF5 file.
"""

from __future__ import annotations

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


def written_by_keras2(root: Mapping) -> bool:
    """Whether there is anything in a model that only Keras 2 or later writes."""
    for node in mappings(root):
        if "class_name" not in node.entries:
            continue
        if any(key in node.entries for key in _BESIDE):
            return True
        config = node.entries["config"].value if "config" in node.entries else None
        if isinstance(config, Mapping) and len(_ARGUMENTS.intersection(config.entries)) > 1:
            return True
    return False
