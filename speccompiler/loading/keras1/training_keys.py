"""Keys beside a model's class and config in a Keras file, which a forward pass does not need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, Span, did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.source.tree import Entry

MODEL_KEYS = frozenset({"class_name", "config", "keras_version"})
TRAINING_KEYS = frozenset(
    {
        "class_mode", "class_modes", "class_weight", "loss", "loss_function", "loss_weights",
        "metrics", "metrics_names", "optimizer", "optimizer_config", "sample_weight_mode",
        "sample_weight_modes", "theano_mode", "training_config",
    }
)  # fmt: skip
"""Keras 1.0.0 to 1.0.6 wrote them beside a compiled model, Keras 0.x among its layers' list."""
_PLACE_KEYS = frozenset({"name", "inbound_nodes"})
"""Keys that a nested model has, and still has when it was copied into a file of its own."""
LAYER_KEYS = MODEL_KEYS | _PLACE_KEYS
"""The keys of a layer, and of a model inside of another one."""
OLD_MODEL_KEYS = frozenset(
    {
        "name", "layers", "keras_version", "input_config", "node_config", "output_config",
        "input_order", "output_order", "nodes", "custom_name", "cache_enabled", "trainable",
        "input_shape", "batch_input_shape",
    }
)  # fmt: skip


def keys_beside_layers(places: Mapping[str, Sequence[Span]]) -> Iterator[Diagnostic]:
    """One finding for each key beside the class of layers and inner models, which Keras ignored.

    CS071 for the keys of training; a warning CS022 for what means nothing.
    """
    for key, spans in places.items():
        if key in TRAINING_KEYS:
            text = f"'{key}' of a model inside: only training needs this; it was passed over"
            yield Diagnostic("CS071", text, Severity.NOTE, span=spans[0])
            continue
        more = f" ({len(spans)} have it)" if len(spans) > 1 else ""
        yield Diagnostic(
            "CS022",
            f"beside class_name and config a layer has no key '{shown(key)}'{more}; passed over, "
            "as Keras does",
            Severity.WARNING,
            span=spans[0],
            hint=did_you_mean(key, LAYER_KEYS) or "a layer's arguments stand in its config",
        )


def keys_beside(
    entries: dict[str, Entry], known: Iterable[str] = MODEL_KEYS
) -> Iterator[Diagnostic]:
    """CS071 for the keys of training, once; CS022 for each key that means nothing."""
    known = {*known, *_PLACE_KEYS}
    left = [key for key in entries if key in TRAINING_KEYS]
    if left:
        names = ", ".join(f"'{key}'" for key in left)
        yield Diagnostic(
            "CS071",
            f"{names}: only training needs this; it was passed over",
            Severity.NOTE,
            span=entries[left[0]].key_span,
        )
    if "backend" in entries:
        yield Diagnostic(
            "CS071",
            "'backend' was passed over: files of Keras 1.x do not say on which they were trained",
            Severity.NOTE,
            span=entries["backend"].key_span,
            hint="--semantics theano or --semantics tensorflow says it",
        )
    for key, entry in entries.items():
        if key not in known and key not in TRAINING_KEYS and key != "backend":
            problem = Problem(
                "CS022",
                f"a Keras 1.x model has no key '{shown(key)}'",
                did_you_mean(key, known | TRAINING_KEYS),
            )
            yield problem.at(span=entry.key_span)
