"""Document to validated spec: the schema stage, whole.

Everything wrong with the layers is found in one go; each finding points at the
key or the value that is at fault.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import has_errors
from speccompiler.loading.checked_document import check_document
from speccompiler.loading.connections import connect
from speccompiler.loading.dim_orderings import ordering_of, resolve_orderings
from speccompiler.loading.header import document_name, semantics_of
from speccompiler.loading.inputs import model_inputs
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.schemas.fields import NATIVE_ORDERING, Layer
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.profiles import Profile
from speccompiler.source.document import Document

if TYPE_CHECKING:
    from speccompiler.loading.replacement.answers import Answers

SemanticsName = Profile
OrderingName = Literal["th", "tf"]


def load_spec(
    document: Document,
    *,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    replace: Answers | None = None,
) -> LoadedSpec:
    """Validate a document. The keywords override what the spec says."""
    if document.onnx is not None:
        from speccompiler.loading.onnx.load import load_onnx

        return load_onnx(
            document, document.onnx, semantics=semantics, dim_ordering=dim_ordering, seed=seed
        )
    checked = check_document(document, replace)
    if isinstance(checked, LoadedSpec):
        return checked
    written, header = checked.written, checked.header
    loaded = LoadedSpec(document, None, checked.places, checked.diagnostics)

    connections, found = connect(written, checked.items, checked.names, header.outputs)
    if connections is None:
        return loaded.adding(found)
    loaded = changed(loaded, places={**checked.places, **connections.places}).adding(found)

    layers = tuple(
        item if item.name == name else item.model_copy(update={"name": name})
        for item, name in zip(checked.items, checked.names, strict=True)
        if isinstance(item, Layer)
    )
    if not written.native:
        from speccompiler.loading.keras1.old_versions import as_its_release_read

        layers, found = as_its_release_read(layers, written, loaded.places)
        loaded = loaded.adding(found)

    unsaid = frozenset(str(layer.name) for layer in layers if ordering_of(layer) == "default")
    decided = dim_ordering or header.dim_ordering or (NATIVE_ORDERING if written.native else None)
    layers, found = resolve_orderings(layers, decided)
    loaded = loaded.adding(found)

    inputs, found = model_inputs(header, connections, layers, native=written.native)
    loaded = loaded.adding(found)
    if has_errors(loaded.diagnostics):
        return loaded
    # Made of what was validated: a validator of its own would be built to find nothing.
    spec = ModelSpec.model_construct(
        name=header.name or document_name(document),
        semantics=semantics_of(header, written, semantics),
        dim_ordering=decided,
        ordering_told="option" if dim_ordering else "spec" if header.dim_ordering else None,
        unsaid=unsaid,
        inputs=inputs,
        batch_size=header.batch_size or _declared_batch(layers),
        seed=header.seed if seed is None else seed,
        weights=header.weights,
        weights_sha256=header.weights_sha256,
        keras_version=header.keras_version or written.keras_version,
        verify=header.verify,
        budget=header.budget,
        native=written.native,
        layers=layers,
        calls=connections.calls,
        outputs=connections.outputs,
    )
    return changed(loaded, spec=spec, answers=replace)


def _declared_batch(layers: tuple[Layer, ...]) -> int | None:
    """The samples of a batch, as a first layer declares them with its shape."""
    shapes = (layer.batch_input_shape for layer in layers)
    return next((s[0] for s in shapes if s and isinstance(s[0], int)), None)
