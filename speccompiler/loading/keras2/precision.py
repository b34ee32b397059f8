"""The type that a layer computed in: convspec computes in float32, and says where Keras did not."""

from __future__ import annotations

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras2.reading import Reading
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Mapping, Scalar

INPUT_DTYPES = frozenset({"float16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"})
"""Types of inputs that mean something here; float32 is what there is without one."""
_OTHERS = frozenset({"float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"})
_LIKE_FLOAT32 = frozenset(
    {"float32", "infer", "_infer", "int8", "int16", "int32", "int64", "uint8"}
)


def policy_of(entry: Entry) -> str | None:
    """The name of a dtype policy, in any of its forms; None for what is none."""
    node = entry.value
    if isinstance(node, Scalar):
        return node.value if isinstance(node.value, str) else None
    config = node.entries.get("config") if isinstance(node, Mapping) else None
    if config is None:
        return None
    mode, source = text_at(config.value, "mode"), text_at(config.value, "source_name")
    quantized = None if mode is None else f"{mode} from {source}"
    return text_at(config.value, "name") or quantized or text_at(config.value, "default_policy")


def note_precision(reading: Reading, name: str, entry: Entry) -> None:
    """Note what is not float32; CS242 for a policy that other numbers come of."""
    policy = policy_of(entry)
    if policy in _OTHERS:
        reading.precisions.setdefault(str(policy), []).append((name, entry.value.span))
    elif policy is not None and policy not in _LIKE_FLOAT32:
        reading.refuse(
            entry.value.span,
            "CS242",
            f"the dtype policy '{shown(policy)}' of '{shown(name)}' is none that convspec follows",
            "save the model in float32",
        )
