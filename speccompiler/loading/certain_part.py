"""The part of a spec with mistakes that is certain: for an editor, while its text is written.

A layer is left out where its schema refuses it, or where it cannot be told what it reads, and so
is what reads it. Mistakes in arguments that change no shape are passed over.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, has_errors
from speccompiler.frozen import dataclass
from speccompiler.loading.call_order import computable
from speccompiler.loading.connections import Connections, takes
from speccompiler.loading.dim_orderings import ordering_of, resolve_orderings
from speccompiler.loading.header import document_name, read_header, semantics_of
from speccompiler.loading.inputs import model_inputs
from speccompiler.loading.known_names import keras_1_names
from speccompiler.loading.layer_names import layer_names
from speccompiler.loading.layer_validation import validate_layer
from speccompiler.loading.spellings import read_written
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec
from speccompiler.schemas.fields import NATIVE_ORDERING, Layer
from speccompiler.schemas.model import Call, ModelHeader, ModelSpec
from speccompiler.schemas.registry import LAYERS, type_name
from speccompiler.source.document import Document
from speccompiler.source.tree import Entry, Scalar
from speccompiler.source.tree import Mapping as Node

if TYPE_CHECKING:
    from speccompiler.loading.layer_names import Item
    from speccompiler.loading.spec import OrderingName, SemanticsName

WITHOUT_SHAPE = frozenset(
    {
        "activation",
        "activity_regularizer",
        "b_constraint",
        "b_regularizer",
        "beta_init",
        "beta_regularizer",
        "gamma_init",
        "gamma_regularizer",
        "init",
        "trainable",
        "W_constraint",
        "W_regularizer",
        "weights",
    }
)
"""Arguments that change neither a shape nor a count; ``tests/loading/test_certain_part.py``."""


@dataclass(frozen=True, slots=True)
class CertainPart:
    """A spec of the layers that are certain, and where each of its calls is written."""

    spec: ModelSpec
    places: Mapping[str, WrittenLayer]


@dataclass(frozen=True, slots=True)
class _Read:
    """A call: the number of its layer, and of the calls that it reads; None is not certain."""

    layer: int
    reads: tuple[int | None, ...]


def certain_part(
    document: Document,
    *,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
) -> CertainPart | None:
    """The certain part of a document that could be read as a whole; None where there is none."""
    if document.root is None:
        return None
    written = read_written(document)
    if not written.native and has_errors(written.diagnostics):
        return None
    header = _header(document, written)
    items = [_item(document, written, number) for number in range(len(written.layers))]
    names = _unique(layer_names(written.layers, items))
    decided = dim_ordering or header.dim_ordering
    if decided is None and written.native and "dim_ordering" not in _entries(written):
        decided = NATIVE_ORDERING
    layers, unsaid = _resolved(written, items, names, decided)
    calls = _calls(written, items, layers, names)
    order = _known(calls, layers)
    shown = _call_names(written, calls, names)
    made = [
        Call(
            name=shown[number],
            layer=names[calls[number].layer],
            inputs=tuple(shown[read] for read in calls[number].reads if read is not None),
        )
        for number in order
    ]
    reading_input = [call.name for call in made if not call.inputs]
    places = {
        shown[number]: written.layers[number if written.calls is None else calls[number].layer]
        for number in order
    }
    connections = Connections(tuple(made), tuple(reading_input), (), places)
    known = list(layers.values())
    inputs, _ = model_inputs(header, connections, known, native=written.native)
    given = {entry.name for entry in inputs}
    kept = list(_with_inputs(made, given))
    if not kept:
        return None
    spec = ModelSpec.model_construct(
        name=header.name or document_name(document),
        semantics=semantics_of(header, written, semantics),
        dim_ordering=decided,
        ordering_told="option" if dim_ordering else "spec" if header.dim_ordering else None,
        unsaid=frozenset(unsaid),
        inputs=inputs,
        seed=None,
        weights=None,
        weights_sha256=None,
        keras_version=header.keras_version or written.keras_version,
        verify=None,
        native=written.native,
        layers=tuple(known),
        calls=tuple(kept),
        outputs=(),
    )
    return CertainPart(spec, {call.name: places[call.name] for call in kept})


def _entries(written: WrittenSpec) -> Mapping[str, object]:
    return {} if written.header is None else written.header.entries


def _header(document: Document, written: WrittenSpec) -> ModelHeader:
    """The header without the keys that are wrong."""
    found, _ = read_header(document, written)
    node = written.header
    header = found or ModelHeader(convspec=1)
    if found is not None or node is None:
        return header
    version = Entry(node.span, Scalar(1, node.span))
    for key, entry in node.entries.items():
        alone = Node(
            {"convspec": version, **({} if key == "convspec" else {key: entry})}, node.span
        )
        found, _ = read_header(document, replace(written, header=alone))
        if found is not None and key != "convspec":
            header = header.model_copy(update={key: getattr(found, key)})
    return header


def _item(document: Document, written: WrittenSpec, number: int) -> Item | None:
    """The layer as its schema takes it, without mistakes that change no shape."""
    entry = written.layers[number]
    reading_input = {call.layer for call in written.calls or () if not call.reads}
    ignored: list[Diagnostic] = []
    item = validate_layer(document, entry, written.native, ignored, number in reading_input)
    if item is not None:
        return item
    name = type_name(entry.type, native=written.native)
    if name is None or name not in LAYERS:
        return None
    fields = LAYERS[name].model_fields
    kept = {
        key: value
        for key, value in entry.arguments.entries.items()
        if key not in WITHOUT_SHAPE and not (key not in fields and _means_no_shape(key, fields))
    }
    entry = replace(entry, arguments=Node(kept, entry.arguments.span))
    return validate_layer(document, entry, written.native, ignored, number in reading_input)


def _means_no_shape(key: str, fields: Collection[str]) -> bool:
    """Whether an unknown argument can be meant for none that changes a shape."""
    meant = {*keras_1_names(key, fields), *difflib.get_close_matches(key, fields, cutoff=0.5)}
    return meant <= WITHOUT_SHAPE


def _unique(names: Sequence[str]) -> list[str]:
    """The names with those that are there twice told apart by their numbers."""
    seen: set[str] = set()
    found = []
    for number, name in enumerate(names):
        found.append(f"{name} #{number}" if name in seen else name)
        seen.add(name)
    return found


def _resolved(
    written: WrittenSpec,
    items: Sequence[Item | None],
    names: Sequence[str],
    decided: OrderingName | None,
) -> tuple[dict[int, Layer], set[str]]:
    """The layers by their numbers, their ordering known, and those that do not say theirs."""
    named = {
        number: item.model_copy(update={"name": names[number]})
        for number, item in enumerate(items)
        if isinstance(item, Layer)
    }
    layers = tuple(named.values())
    if not written.native:
        from speccompiler.loading.keras1.old_versions import as_its_release_read

        places = dict(zip(names, written.layers, strict=True))
        layers, _ = as_its_release_read(layers, written, places)
    unsaid = {str(layer.name) for layer in layers if ordering_of(layer) == "default"}
    layers, _ = resolve_orderings(layers, decided)
    known = zip(named, layers, strict=True)
    return {n: layer for n, layer in known if ordering_of(layer) != "default"}, unsaid


def _calls(
    written: WrittenSpec,
    items: Sequence[Item | None],
    layers: Mapping[int, Layer],
    names: Sequence[str],
) -> list[_Read]:
    if written.calls is not None:
        return [_Read(call.layer, call.reads) for call in written.calls]
    numbers: dict[str, int | None] = {}
    for number, name in enumerate(names):
        own = name.removesuffix(f" #{number}")
        numbers[own] = number if own not in numbers else None
    calls = []
    for number, item in enumerate(items):
        layer = number
        if item is not None and not isinstance(item, Layer):
            called = numbers.get(item.layer)
            layer = number if called is None or called not in layers else called
        calls.append(_Read(layer, _reads(written, number, numbers)))
    return calls


def _reads(
    written: WrittenSpec, number: int, numbers: Mapping[str, int | None]
) -> tuple[int | None, ...]:
    """What a native layer reads, as ``connections`` has it."""
    entry = written.layers[number]
    if entry.reads is not None:
        return tuple(numbers.get(name) for name, _ in entry.reads)
    if entry.type == "InputLayer":
        return ()
    if number in written.gaps or number == written.header_inputs > 1:
        return (None,)
    return (number - 1,) if number else ()


def _known(calls: Sequence[_Read], layers: Mapping[int, Layer]) -> list[int]:
    """The calls that are certain, each after those that it reads."""
    reads: list[list[int]] = []
    for number, call in enumerate(calls):
        known = [read for read in call.reads if read is not None]
        layer = layers.get(call.layer)
        fits = layer is not None and takes(layer, len(known)) and len(known) == len(call.reads)
        # What reads itself is never computable, and neither is what reads that.
        reads.append(known if fits else [number])
    return computable(reads)


def _call_names(
    written: WrittenSpec, calls: Sequence[_Read], names: Sequence[str]
) -> Sequence[str]:
    if written.calls is None:
        return names
    seen: dict[int, int] = {}
    found = []
    for call in calls:
        count = seen[call.layer] = seen.get(call.layer, 0) + 1
        found.append(names[call.layer] if count == 1 else f"{names[call.layer]}@{count}")
    return found


def _with_inputs(calls: Sequence[Call], given: Collection[str]) -> Iterator[Call]:
    """The calls whose input has a known shape, directly or through others."""
    known: set[str] = set()
    for call in calls:
        if known.issuperset(call.inputs) and (call.inputs or call.name in given):
            known.add(call.name)
            yield call
