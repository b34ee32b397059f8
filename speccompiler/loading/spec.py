"""Document to validated spec: the schema stage, whole.

Everything wrong with the layers is found in one go; each finding points at the
key or the value that is at fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from speccompiler.diagnostics.core import Diagnostic, Problem, has_errors
from speccompiler.loading.connections import connect, item_names, unknown_reads
from speccompiler.loading.entries import Entries, read_entries
from speccompiler.loading.inputs import model_inputs
from speccompiler.loading.layer_entries import LayerEntry, own_name
from speccompiler.loading.layer_validation import layer_span, validate_layer
from speccompiler.loading.lenient import ignored_declarations, learning_rates, passed_over
from speccompiler.loading.old_versions import (
    as_then_read,
    stored_twice,
    unnamed_release,
    with_its_defaults,
)
from speccompiler.loading.open_layers import open_layers, with_hints
from speccompiler.loading.orderings import ordering_of, resolve_orderings
from speccompiler.loading.schema_errors import schema_problems
from speccompiler.loading.wrapper import overruled
from speccompiler.schemas.fields import NATIVE_ORDERING, Layer
from speccompiler.schemas.merge import Shared
from speccompiler.schemas.model import ModelHeader, ModelSpec, SemanticsFields
from speccompiler.schemas.profiles import Profile
from speccompiler.schemas.registry import ALIASES
from speccompiler.source.document import Document
from speccompiler.source.findings import shown
from speccompiler.source.tree import span_at, to_data

if TYPE_CHECKING:
    from speccompiler.loading.answers import Answer, Answers

SemanticsName = Profile
OrderingName = Literal["th", "tf"]


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A document with the spec it holds (None when it has errors) and all findings."""

    document: Document
    spec: ModelSpec | None
    places: Mapping[str, LayerEntry]
    diagnostics: tuple[Diagnostic, ...]
    answers: Answers | None = None
    """What the caller said that layers compute."""

    def locate(self, diagnostic: Diagnostic, *path: str | int) -> Diagnostic:
        """The same finding with its file, and the place of its layer.

        ``path`` leads to the value that is at fault (default: the finding's argument).
        """
        span = diagnostic.span
        if span is None and diagnostic.layer is not None and diagnostic.layer in self.places:
            argument = () if diagnostic.argument is None else (diagnostic.argument,)
            span = layer_span(self.places[diagnostic.layer], *(path or argument))
        place = self.places.get(diagnostic.layer or "")
        file = self.document.file if place is None or place.answer is None else place.answer
        return changed(diagnostic, file=diagnostic.file or file, span=span)


def load_spec(
    document: Document,
    *,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    replace: Answers | None = None,
) -> LoadedSpec:
    """Validate a document. The keywords override what the spec says."""
    diagnostics = list(document.diagnostics)
    if document.root is None:
        return LoadedSpec(document, None, {}, tuple(diagnostics))
    entries = read_entries(document)
    diagnostics += entries.diagnostics
    answers, found = _answered(document, entries, replace)
    diagnostics += found
    unanswered = open_layers(entries)
    header = overruled(document, _validate_header(document, entries, diagnostics))
    readers = {call.layer for call in entries.calls or () if not call.reads}
    validated = [
        validate_layer(document, entry, entries.native, diagnostics, number in readers)
        for number, entry in enumerate(entries.layers)
    ]
    diagnostics = with_hints(diagnostics, unanswered, entries.native, answers)
    names = _layer_names(entries.layers, validated)
    places = dict(zip(names, entries.layers, strict=True))
    _report_duplicates(document, names, entries.layers, diagnostics)
    if has_errors(diagnostics) or header is None:
        wrong = LoadedSpec(document, None, places, ())
        diagnostics += [wrong.locate(d) for d in unknown_reads(entries, names)]
        diagnostics.sort(key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
        return LoadedSpec(document, None, places, tuple(diagnostics))

    items = [item for item in validated if item is not None]
    layers = tuple(
        item.model_copy(update={"name": name})
        for item, name in zip(items, names, strict=True)
        if isinstance(item, Layer)
    )
    connections, found = connect(entries, items, names, header.outputs)
    places |= {} if connections is None else connections.places
    loaded = LoadedSpec(document, None, places, ())
    diagnostics += [loaded.locate(d) for d in found]
    if connections is None:
        return LoadedSpec(document, None, places, tuple(diagnostics))
    if not entries.native:
        layers, found = with_its_defaults(layers, entries.keras_version)
        diagnostics += [loaded.locate(d) for d in found]
        layers, found = as_then_read(layers, entries.keras_version)
        found += [*passed_over(layers), *learning_rates(places, layers)]
        found += ignored_declarations(places, layers)
        release = entries.shown_release
        found += [*unnamed_release(layers, entries.keras_version, release), *stored_twice(layers)]
        diagnostics += [loaded.locate(d) for d in found]
    unsaid = frozenset(str(layer.name) for layer in layers if ordering_of(layer) == "default")
    decided = dim_ordering or header.dim_ordering or (NATIVE_ORDERING if entries.native else None)
    layers, found = resolve_orderings(layers, decided)
    diagnostics += [loaded.locate(d) for d in found]
    inputs, found = model_inputs(header, connections, layers, native=entries.native)
    diagnostics += [loaded.locate(d) for d in found]
    if has_errors(diagnostics):
        return LoadedSpec(document, None, places, tuple(diagnostics))
    spec = ModelSpec(
        name=header.name or _document_name(document),
        semantics=_semantics(header, entries, semantics),
        dim_ordering=decided,
        ordering_told="option" if dim_ordering else "spec" if header.dim_ordering else None,
        unsaid=unsaid,
        inputs=inputs,
        seed=header.seed if seed is None else seed,
        weights=header.weights,
        weights_sha256=header.weights_sha256,
        keras_version=entries.keras_version,
        verify=header.verify,
        native=entries.native,
        layers=layers,
        calls=connections.calls,
        outputs=connections.outputs,
    )
    return LoadedSpec(document, spec, places, tuple(diagnostics), replace)


def _answered(
    document: Document, entries: Entries, given: Answers | None
) -> tuple[Mapping[str, Answer], list[Diagnostic]]:
    """What is said of layers that are code, by name; ``entries`` hold the answers then."""
    if not given and document.wrapper is None:
        return {}, []
    from speccompiler.loading.answers import read_answers
    from speccompiler.loading.replacing import replaced

    answers, found = read_answers(document, given)
    return answers, found + (replaced(entries, answers) if answers else [])


def _semantics(
    header: ModelHeader, entries: Entries, override: SemanticsName | None
) -> SemanticsFields | None:
    if override is not None:
        return SemanticsFields(profile=override)
    if isinstance(header.semantics, SemanticsFields):
        return header.semantics
    if header.semantics is not None:
        return SemanticsFields(profile=header.semantics)
    if entries.semantics is not None:
        return SemanticsFields(profile=entries.semantics)
    return SemanticsFields(profile="tensorflow") if entries.native else None


def _document_name(document: Document) -> str:
    stem = document.file.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    # A file's name may be bytes that are no text; a model's is text.
    return stem.encode("utf-8", "backslashreplace").decode().strip("<>") or "model"


def _validate_header(
    document: Document, entries: Entries, diagnostics: list[Diagnostic]
) -> ModelHeader | None:
    if not entries.native:
        return ModelHeader(convspec=1)
    node = entries.header
    if node is None:
        return None
    try:
        header = ModelHeader.model_validate(to_data(node))
        if header.weights_sha256 is not None and header.weights is None:
            problem = Problem(
                "CS026",
                "'weights_sha256' is the digest of the tensors in 'weights', which is not given",
                "name the file: weights: FILE",
            )
            span = span_at(node, ("weights_sha256",))
            diagnostics.append(problem.at(file=document.file, span=span))
        return header
    except ValidationError as error:
        for path, at_key, problem in schema_problems(error, ModelHeader, "the spec"):
            span = span_at(node, path, key=at_key)
            diagnostics.append(problem.at(file=document.file, span=span))
        return None


def _layer_names(entries: list[LayerEntry], layers: list[Layer | Shared | None]) -> list[str]:
    """Given names, and Keras's automatic ones (``convolution2d_1``) for the rest."""
    given: list[str | None] = []
    for entry, layer in zip(entries, layers, strict=True):
        given.append(own_name(entry) if layer is None else layer.name)
    given = item_names(layers, given)
    taken = {name for name in given if name is not None}
    counts: Counter[str] = Counter()
    names = []
    for entry, name in zip(entries, given, strict=True):
        base = ALIASES.get(entry.type, entry.type).lower()
        while name is None:
            counts[base] += 1
            candidate = f"{base}_{counts[base]}"
            name = None if candidate in taken else candidate
        names.append(name)
    return names


def _report_duplicates(
    document: Document, names: list[str], entries: list[LayerEntry], diagnostics: list[Diagnostic]
) -> None:
    first: dict[str, LayerEntry] = {}
    for name, entry in zip(names, entries, strict=True):
        if name in first:
            line = layer_span(first[name], "name").line
            problem = Problem(
                "CS029",
                f"two layers are named '{shown(name)}'; the first is on line {line}",
                "weights and reports find a layer by its name: give each its own",
            )
            diagnostics.append(problem.at(file=document.file, span=layer_span(entry, "name")))
        first.setdefault(name, entry)
