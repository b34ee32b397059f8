"""A whole model of Keras 0.x as Keras 1.x wrote one; containers nest."""

from __future__ import annotations

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, Span
from speccompiler.frozen import dataclass
from speccompiler.loading.keras0.graph import network
from speccompiler.loading.keras0.layers import Reading, layer
from speccompiler.loading.keras0.merging import merge_config
from speccompiler.loading.keras0.release import Age, age_of, says_ordering
from speccompiler.loading.keras0.tree_building import added, class_of, mapping, scalar, sequence
from speccompiler.loading.tree_reading import child, items_of
from speccompiler.source.saved_models import is_old_layer, text_at
from speccompiler.source.tree import Mapping, Sequence, TreeNode


@dataclass(frozen=True, slots=True)
class OldModel:
    """The model as Keras 1.x would have written it, how old it is, and what was found in it."""

    root: Mapping
    age: Age | None
    findings: tuple[tuple[Span, Problem], ...]
    notes: tuple[Diagnostic, ...]

    @property
    def keras_version(self) -> str:
        """A release of that age, for what later stages ask of one."""
        return "0.2.0" if self.age == "before 0.3" else "0.3.0"


def as_keras1(root: Mapping) -> OldModel | None:
    """The model of a file, None where it is Keras 1.x's own; raises ``ProblemAt``.

    Keras 1.x read layers of 0.x inside of its own Sequential too, and kept the Graph.
    """
    config = root.entries["config"].value if "config" in root.entries else None
    legacy = text_at(root, "class_name")
    reading = Reading(age_of(root), not says_ordering(root))
    if legacy is None:
        model = container(reading, root, first=True)
    elif legacy == "Graph" and isinstance(config, Mapping):
        return OldModel(network(reading, config, part), None, tuple(reading.findings), ())
    elif (
        legacy == "Sequential"
        and isinstance(config, Sequence)
        and any(map(is_old_layer, config.items))
    ):
        model = class_of(
            legacy, root.span, sequence(config.span, _chain(reading, config.items, True))
        )
    else:
        return None
    where = root.entries.get("name", root.entries.get("class_name"))
    note = Diagnostic(
        "CS072",
        f"this was written by {_writer(reading)}",
        Severity.NOTE,
        span=root.span if where is None else where.value.span,
    )
    return OldModel(model, reading.age, tuple(reading.findings), (note,))


def _writer(reading: Reading) -> str:
    wrote = f"Keras {reading.age or '0.x'}"
    if reading.age == "before 0.3":
        wrote += ", which had Theano alone"
    if not reading.scaled:
        return wrote
    which = "its Dropout multiplies" if reading.scaled == 1 else "its Dropouts multiply"
    return f"{wrote}; {which} by 1 - p, as it was then"


def container(reading: Reading, node: Mapping, *, first: bool) -> Mapping:
    """A Sequential or a Graph, whole or inside of another, as ``{class_name, config}``."""
    name = child(node, "name") if "name" in node.entries else node
    if text_at(node, "name") == "Sequential":
        items = items_of(child(node, "layers"), "layers")
        return class_of("Sequential", name.span, sequence(node.span, _chain(reading, items, first)))
    return network(reading, node, part)


def _chain(reading: Reading, items: tuple[TreeNode, ...], first: bool) -> list[TreeNode]:
    found: list[TreeNode] = []
    for number, item in enumerate(items):
        found += part(reading, item, first=first and number == 0)
    return found


def part(
    reading: Reading, node: TreeNode, *, first: bool = False, name: str | None = None
) -> list[TreeNode]:
    """A layer, a container or a Merge of branches; what is in Keras 1.x's form stays so."""
    if not isinstance(node, Mapping) or not is_old_layer(node):
        return [node]
    kind = text_at(node, "name")
    if kind in {"Sequential", "Graph"}:
        return [container(reading, node, first=first)]
    if kind == "Merge":
        return merged(reading, node, first, name)
    return [layer(reading, node, first=first, name=name)]


def as_one(parts: list[TreeNode]) -> TreeNode:
    """Several layers in a row as one Sequential."""
    span = parts[0].span
    return parts[0] if len(parts) == 1 else class_of("Sequential", span, sequence(span, parts))


def merged(reading: Reading, node: Mapping, first: bool, name: str | None) -> list[TreeNode]:
    """A Merge that holds its branches. ``cos`` had no axis of length 1 in front."""
    span = child(node, "name").span
    key = "layers" if "layers" in node.entries else "models"
    branches = items_of(child(node, key), key)
    parts = [as_one(part(reading, branch, first=first)) for branch in branches]
    kept = {k: e for k, e in node.entries.items() if k in {"mode", "concat_axis", "dot_axes"}}
    config = added(
        merge_config(reading, Mapping(kept, node.span)), layers=sequence(node.span, parts)
    )
    if name is not None:
        config = added(config, name=scalar(reading.unique(name), span))
    found: list[TreeNode] = [class_of("Merge", span, config)]
    if text_at(node, "mode") == "cos":
        found.append(class_of("Flatten", span, mapping(span)))
    return found
