"""The conversion, whole: semantics, then ordering, then what the files say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speccompiler.convert.changes import Array, Changes, Relaid, Reordered, Reversed, Transposed
from speccompiler.convert.orderings import Unmoved, convert_ordering
from speccompiler.convert.semantics import convert_semantics
from speccompiler.diagnostics.core import Problem, SpecError, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.loading.training_arguments import DECLARATIONS
from speccompiler.lowering.cells import written_out
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer, Ordering
from speccompiler.schemas.input_layer import InputLayer
from speccompiler.schemas.model import Call, ModelSpec, SemanticsFields
from speccompiler.schemas.normalization import BatchNormalization
from speccompiler.schemas.profiles import Profile
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.files.safetensors_writer import write_safetensors

if TYPE_CHECKING:
    from speccompiler.files.atomic_output import FileGroup


@dataclass(frozen=True, slots=True)
class WrittenWeights:
    """How many tensors were written, and their digest, which the spec holds."""

    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A spec, what becomes of each tensor, and sentences on what was done."""

    model: ValidatedModel
    spec: ModelSpec
    changes: Changes
    notes: tuple[str, ...]

    @property
    def has_weights(self) -> bool:
        """Whether there are tensors to write."""
        return bool(self.model.graph.weights()) and (
            self.model.names_weights or self.model.spec.seed is not None
        )

    def write_weights(self, path: Path, group: FileGroup | None = None) -> WrittenWeights:
        """Write every tensor as ``<layer>/<tensor>``, one at a time. CS120, CS121."""
        sources = self.model.weight_sources
        if has_errors(sources.diagnostics):
            raise SpecError(sources.diagnostics)
        stored = {(w.layer, w.tensor): w for w in sources.sources}
        shapes = {f"{w.layer}/{w.tensor}": self._shape(w) for w in stored.values()}

        def tensors() -> Iterator[Array]:
            for weight, source in sources.sources.items():
                yield self.changes.apply(weight.layer, weight.tensor, source.read())

        try:
            digest = write_safetensors(path, shapes, tensors(), group)
        except Problem as problem:
            raise SpecError([problem.at(file=str(path))]) from None
        return WrittenWeights(len(shapes), digest)

    def _shape(self, weight: Weight) -> tuple[int, ...]:
        import numpy as np

        empty = np.broadcast_to(np.float32(0), weight.stored_shape)
        return self.changes.apply(weight.layer, weight.tensor, empty).shape


def unconverted(model: ValidatedModel) -> Converted:
    """An ONNX model as it is, for a writer that needs no layers."""
    return Converted(model, model.spec, Changes(), ())


def convert(
    model: ValidatedModel, *, semantics: Profile | None = None, dim_ordering: Ordering | None = None
) -> Converted:
    """The model as a native spec, under other semantics or another ordering where asked.

    Raises ``SpecError``: CS050 for a Keras file that no semantics were given for and needs
    them, CS150 and CS151 for what has no exact equal, CS270 for an ONNX model.
    """
    if model.spec.onnx is not None:
        problem = Problem(
            "CS270",
            "an ONNX model has operations that are no layers, and cannot be written as a spec",
            "use the .onnx file wherever a command takes a model; convert it to .keras for Keras 3",
        )
        raise model.refused(problem, model.file)
    model.check_semantics()
    changes = Changes()
    spec = _with_own_semantics(model.spec)
    notes: list[str] = []
    found = []
    source = spec.semantics
    assert source is not None, "it is decided"
    same = SemanticsFields(profile=semantics or source.profile, running_std=source.running_std)
    if semantics is not None and source != same:
        spec, refused = convert_semantics(spec, semantics, changes)
        found += refused
        notes += _semantics_notes(source.profile, semantics, changes)
    if dim_ordering is not None:
        before = spec
        spec, refused, unmoved = convert_ordering(spec, model.graph, dim_ordering, changes)
        found += refused
        if spec is not before:
            notes += _ordering_notes(dim_ordering, changes, unmoved, before, spec)
    if found:
        raise SpecError(model.loaded.locate(diagnostic) for diagnostic in found)
    return Converted(model, _with_input_layers(spec), changes, tuple(notes))


def _with_input_layers(spec: ModelSpec) -> ModelSpec:
    """The spec with an InputLayer for each of several inputs, since a native spec names them so.

    Keras lets the first layer of a branch be the input; its InputLayer is ``<layer>_input``.
    """
    if len(spec.inputs) == 1:
        return spec
    layers = {str(layer.name): layer for layer in spec.layers}
    taken = set(layers) | {call.name for call in spec.calls}
    new: dict[str, str] = {}
    for entry in spec.inputs:
        if not isinstance(layers[entry.name], InputLayer):
            name = f"{entry.name}_input"
            while name in taken:
                name += "_"
            taken.add(name)
            new[entry.name] = name
    added = [InputLayer(type="InputLayer", name=name) for name in new.values()]
    calls = [Call(name=name, layer=name) for name in new.values()]
    calls += [
        call._replace(inputs=(new[call.name],)) if not call.inputs and call.name in new else call
        for call in spec.calls
    ]
    inputs = [e.model_copy(update={"name": new.get(e.name, e.name)}) for e in spec.inputs]
    vectors = spec.verify
    if vectors is not None and isinstance(vectors.input, dict):
        renamed = {new.get(name, name): entry for name, entry in vectors.input.items()}
        vectors = vectors.model_copy(update={"input": renamed})
    return spec.model_copy(
        update={
            "layers": (*added, *spec.layers),
            "calls": tuple(calls),
            "inputs": tuple(inputs),
            "verify": vectors,
        }
    )


def _with_own_semantics(spec: ModelSpec) -> ModelSpec:
    """The spec as a native one, which says what the release that wrote a Keras file decided.

    A file whose numbers are the same under both backends says TensorFlow, the default.
    """
    fields = spec.semantics or SemanticsFields(profile="tensorflow")
    stored = Semantics.of(fields, spec).running_std
    has_statistics = any(isinstance(layer.inner, BatchNormalization) for layer in spec.layers)
    if has_statistics and stored != "variance":
        fields = fields.model_copy(update={"running_std": stored})
    unrolled = written_out(Semantics.of(fields, spec)) and not fields.profile.startswith("theano")
    layers = tuple(_unrolled(_without_declarations(x), unrolled) for x in spec.layers)
    return spec.model_copy(update={"semantics": fields, "native": True, "layers": layers})


def _without_declarations(layer: Layer) -> Layer:
    """The layer without what it declares of its input: the model says that, and rightly."""
    fields = type(layer).model_fields
    said = [name for name in DECLARATIONS if name in fields and not fields[name].is_required()]
    return layer.model_copy(update=dict.fromkeys(said))


def _unrolled(layer: Layer, unrolled: bool) -> Layer:
    """A stateful layer as one whose steps are written out, where its release always did that."""
    inner = layer.inner
    if not unrolled or not getattr(inner, "stateful", False) or not hasattr(inner, "unroll"):
        return layer
    return layer.wrapping(inner.model_copy(update={"unroll": True}))


def _semantics_notes(source: str, target: str, changes: Changes) -> list[str]:
    names = changes.layers(Reversed)
    return [
        f"Converted from {source} to {target} semantics: "
        + (f"the kernels of {', '.join(names)} are reversed." if names else "nothing differs.")
    ]


def _ordering_notes(
    target: str, changes: Changes, unmoved: Unmoved, before: ModelSpec, after: ModelSpec
) -> list[str]:
    known = {layer.name for layer in before.layers}
    added = [str(layer.name) for layer in after.layers if layer.name not in known]
    other = "th" if target == "tf" else "tf"
    place = "last" if target == "tf" else "first"
    notes = [
        f"Converted from dim_ordering {other} to {target}: images go in and come out with their "
        f"channels {place}."
    ]
    moved, ordered = changes.layers(Transposed, Relaid), changes.layers(Reordered)
    if unmoved.inputs:
        taken = ", ".join(unmoved.inputs)
        notes.append(f"No layer takes {taken} as an image: it goes in as before.")
    if unmoved.outputs:
        notes.append(
            f"No image any more, and so as before: what {', '.join(unmoved.outputs)} gives."
        )
    if moved:
        notes.append(f"Transposed for that: {', '.join(moved)}.")
    if added:
        notes.append(
            f"What depends on the order of an image's values reads it as before, through "
            f"{', '.join(added)}."
        )
    if ordered:
        notes.append(
            f"Flat values come in another order, and so do the rows of {', '.join(ordered)}."
        )
    return notes
