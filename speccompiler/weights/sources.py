"""Where each tensor of a model comes from: a file, the spec itself, or its initialiser.

Sources are found and their shapes checked from headers alone, so ``validate`` reads
no array data. ``--weights`` replaces every weight that the spec names; otherwise a
layer's own ``weights`` come before the spec's ``weights`` file, and what neither
gives is drawn when there is a seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, Span
from speccompiler.diagnostics.wording import first_few
from speccompiler.graph.ir import Graph, Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.wrapped_model import place_of
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.training import Unknown
from speccompiler.schemas.weights import inline_shape
from speccompiler.source.document import Document
from speccompiler.source.tree import span_at

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from speccompiler.weights.weight_files import WeightFile

    Array = npt.NDArray[np.float32]

TensorName = tuple[str, str]
MatchName = Literal["name", "topology"]
"""How tensors of a Keras HDF5 file find their layers."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor in a weight file; ``transpose`` brings another layout to today's.

    As many numbers in another shape are taken as they lie; what is stored with a length of 1 is
    repeated to ``shape``.
    """

    file: WeightFile
    key: str
    transpose: tuple[int, ...] | None
    shape: tuple[int, ...]

    def read(self) -> Array:
        """The stored tensor as float32."""
        import numpy as np

        array = self.file.read(self.key)
        if self.transpose:
            array = array.transpose(self.transpose)
        if array.size == math.prod(self.shape):
            return array.reshape(self.shape)
        return np.broadcast_to(array, self.shape)

    def identity(self) -> str | None:
        """The file as it is now, and the place in it; None where it is not as it was opened."""
        state = self.file.unchanged_state()
        return None if state is None else f"{state} {self.key!r} {self.transpose} {self.shape}"


@dataclass(frozen=True, slots=True)
class InlineTensor:
    """Nested lists that the spec holds."""

    values: Any
    shape: tuple[int, ...]

    def read(self) -> Array:
        """The lists as float32."""
        import numpy as np

        return np.array(self.values, np.float32).reshape(self.shape)

    def identity(self) -> None:
        """Its values are in the spec already."""


@dataclass(frozen=True, slots=True)
class DrawnTensor:
    """A tensor drawn by the layer's initialiser (a bias is zero, as in Keras)."""

    init: str
    parameters: Mapping[str, float]
    weight: Weight
    seed: int
    fans: str = "kernel"
    factor: float = 1.0

    def identity(self) -> str:
        """All that its values depend on."""
        return f"drawn {self.init} {dict(self.parameters)} {self.seed} {self.fans} {self.factor}"

    def read(self) -> Array:
        """The same values wherever they are drawn; ``Problem`` CS091 when the shape is wrong."""
        from speccompiler.weights.initializers import initialize, tensor_fans

        fans = tensor_fans(self.fans, self.weight.stored_shape, self.weight.shape)
        layer = self.weight.layer
        try:
            drawn = initialize(
                self.init,
                self.parameters,
                self.weight.stored_shape,
                fans,
                seed=self.seed,
                stream=f"{layer}/{self.weight.tensor}",
            )
            return drawn if self.factor == 1 else drawn * drawn.dtype.type(self.factor)
        except Problem as problem:
            raise Problem(
                problem.code, problem.message, problem.hint, layer=layer, argument="init"
            ) from None


TensorSource = FileTensor | InlineTensor | DrawnTensor


@dataclass(frozen=True, slots=True)
class WeightSources:
    """A source for every tensor of a graph, or findings that say why not."""

    sources: Mapping[Weight, TensorSource]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def drawn(self) -> tuple[DrawnTensor, ...]:
        """What is drawn from a seed rather than given."""
        return tuple(s for s in self.sources.values() if isinstance(s, DrawnTensor))

    @property
    def tensors(self) -> Mapping[Weight, Array]:
        """Every tensor. Each is read when it is looked up, and not kept."""
        return _Tensors(self.sources)

    @property
    def given(self) -> Mapping[Weight, Array]:
        """The tensors that are not drawn."""
        return _Tensors({w: s for w, s in self.sources.items() if not isinstance(s, DrawnTensor)})

    def read(self) -> dict[Weight, Array]:
        """Every tensor; raises ``Problem`` for what only the data can tell."""
        return {weight: source.read() for weight, source in self.sources.items()}


class _Tensors(Mapping[Weight, "Array"]):
    """Tensors that are read when they are looked up."""

    def __init__(self, sources: Mapping[Weight, TensorSource]) -> None:
        self._sources = sources

    def __getitem__(self, weight: Weight) -> Array:
        return self._sources[weight].read()

    def __iter__(self) -> Iterator[Weight]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def find_weights(
    loaded: LoadedSpec,
    graph: Graph,
    *,
    file: Path | None,
    seed: int | None,
    by: MatchName | None = None,
) -> WeightSources:
    """A source for each tensor. ``file`` is what the caller gives; paths in a spec are its own."""
    spec = loaded.spec
    assert spec is not None, "weights are looked for in a valid spec"
    base = Path(loaded.document.file).parent
    layers = {str(layer.name): layer for layer in spec.layers}
    wanted = _in_order(graph, layers)
    found: dict[Weight, TensorSource] = {}
    diagnostics: list[Diagnostic] = []
    named = False
    if file is None:
        by_layer: dict[str, list[Weight]] = {name: [] for name in layers}
        for weight in wanted.values():
            by_layer[weight.layer].append(weight)
        for name, mine in by_layer.items():
            stored = {weight.tensor: weight for weight in mine}
            order = layers[name].inner.tensors
            by_layer[name] = [stored[tensor] for tensor in order if tensor in stored]
        opened = _opener()
        for name, layer in layers.items():
            given = getattr(layer.inner, "weights", None)
            if given is not None:
                refer = partial(_referenced, base=base, opened=opened)
                diagnostics += _layer_weights(loaded, layer, given, by_layer[name], refer, found)
        if spec.weights is not None:
            file = base / spec.weights
            named = True
    rest = {name: w for name, w in wanted.items() if w not in found}
    if file is None or named:
        rest = {n: w for n, w in rest.items() if not _has_own(layers[n[0]])}
    if file is not None:
        what = "saved model" if file == loaded.document.holder else "weight file"
        try:
            wrapped = {
                name: str(layer.inner.name)
                for name, layer in layers.items()
                if layer.inner is not layer and layer.inner.name is not None
            }
            others = wanted.keys() - rest.keys()
            pair = partial(_check_pair, spec=spec, base=base, named=named)
            answered = {n for n, entry in loaded.places.items() if entry.answer is not None}
            sources, notes = _from_file(file, what, rest, others, wrapped, by, pair, answered)
            found.update(sources)
            diagnostics += [replace(note, file=str(file)) for note in notes]
        except Problem as problem:
            # A wrong path is the spec's mistake, wrong content the weight file's.
            if named and problem.code == "CS100":
                said = place_of(loaded.document, "weights")
                diagnostics.append(problem.at(file=said.file, span=_named_at(said)))
            elif problem.code == "CS127":
                said = place_of(loaded.document, "weights_sha256")
                span = _named_at(said, "weights_sha256")
                diagnostics.append(problem.at(file=said.file, span=span))
            else:
                diagnostics.append(problem.at(file=str(file)))
    elif rest and seed is not None:
        drawn, refused = _draw(loaded, layers, rest.values(), seed)
        found.update(drawn)
        diagnostics += refused
    elif rest:
        diagnostics.append(_none_given(loaded, rest))
    if spec.semantics is not None:
        diagnostics += _names_of_another(found, theano=spec.semantics.profile.startswith("theano"))
    return WeightSources(found, tuple(diagnostics))


def _in_order(graph: Graph, layers: Mapping[str, Layer]) -> dict[TensorName, Weight]:
    """Every tensor by its name, in the order of the model's layers and of Keras in each."""
    found = {(w.layer, w.tensor): w for w in graph.weights()}
    listed = ((name, tensor) for name, layer in layers.items() for tensor in layer.inner.tensors)
    return {name: found[name] for name in listed if name in found}


def _names_of_another(found: Mapping[Weight, TensorSource], *, theano: bool) -> list[Diagnostic]:
    """CS054 where every tensor is named as only the other backend's Keras named variables."""
    files = [source for source in found.values() if isinstance(source, FileTensor)]
    if theano and files and all(source.key.endswith(":0") for source in files):
        what, named = "end in ':0', as TensorFlow's do", "Theano"
    elif not theano and theano_names(files):
        what, named = "do not end in ':0', as TensorFlow's do: Theano saved them", "TensorFlow"
    else:
        return []
    other = "tensorflow" if theano else "theano"
    return [
        Diagnostic(
            "CS054",
            f"the tensors' names {what}, but the semantics are {named}'s",
            Severity.WARNING,
            file=str(files[0].file.path),
            hint=f"pass --semantics {other}, unless the weights were converted",
        )
    ]


def theano_names(files: Sequence[FileTensor]) -> bool:
    """Whether Keras wrote these, and not on TensorFlow; before 1.0 it named no variables."""
    keras = bool(files) and all(source.file.layers is not None for source in files)
    tensorflow = any(source.key.endswith(":0") for source in files)
    unnamed = all(source.key.rpartition("/")[2].startswith("param_") for source in files)
    return keras and not tensorflow and not unnamed


def _named_at(document: Document, key: str = "weights") -> Span | None:
    return None if document.root is None else span_at(document.root, (key,))


def _check_pair(
    file: WeightFile, *, spec: ModelSpec, base: Path, named: bool
) -> tuple[Diagnostic, ...]:
    """CS127 unless these are the tensors that a spec says it was written with; CS128.

    ``named``: by the spec, and not by the caller, who may as well mean others.
    """
    from speccompiler.weights.weight_pairs import check_other, check_pair

    if spec.weights_sha256 is None or spec.weights is None:
        return ()
    own = base / spec.weights
    if named or (own.exists() and own.samefile(file.path)):
        check_pair(file, spec.weights_sha256)
        return ()
    found = check_other(file, spec.weights_sha256)
    return () if found is None else (found,)


def _has_own(layer: Layer) -> bool:
    return getattr(layer.inner, "weights", None) is not None


def _none_given(loaded: LoadedSpec, rest: Mapping[TensorName, Weight]) -> Diagnostic:
    names = first_few([f"'{layer}/{tensor}'" for layer, tensor in rest], 4)
    return Diagnostic(
        "CS095",
        f"no weights for {names}",
        file=loaded.document.file,
        hint="give --weights FILE, or --seed N to draw them at random by each layer's init",
    )


def _from_file(
    path: Path,
    what: str,
    wanted: Mapping[TensorName, Weight],
    given: Collection[TensorName],
    wrapped: Mapping[str, str],
    by: MatchName | None,
    check: Callable[[WeightFile], tuple[Diagnostic, ...]],
    replaced: Collection[str],
) -> tuple[dict[Weight, TensorSource], tuple[Diagnostic, ...]]:
    from speccompiler.weights.file_match import match_file
    from speccompiler.weights.replaced_layers import without_layers
    from speccompiler.weights.weight_files import open_weights

    file = open_weights(path, what)
    found = check(file)
    others, left = without_layers(file, replaced, {layer for layer, _ in (*wanted, *given)})
    stored, notes = match_file(
        others,
        {name: _wanted(weight) for name, weight in wanted.items()},
        given=given,
        wrapped=wrapped,
        by=by,
        later={n: w for n, w in map(_stored_by_keras2, wanted.items()) if w is not None},
    )
    for tensor in stored.values():
        file.check_dtype(file.tensors[tensor.key])
    sources: dict[Weight, TensorSource] = {
        wanted[name]: FileTensor(file, tensor.key, tensor.transpose, wanted[name].stored_shape)
        for name, tensor in stored.items()
    }
    return sources, (*found, *left, *notes)


def _wanted(weight: Weight) -> Any:
    from speccompiler.weights.weight_names import (
        WantedTensor,
        as_it_lies,
        old_conv1d_kernel,
        shared_parameter,
    )

    match weight.variants:
        case "conv1d":
            return old_conv1d_kernel(weight.stored_shape)
        case "shared":
            return shared_parameter(weight.stored_shape)
        case "split":
            return as_it_lies(weight.stored_shape, weight.split)
        case _:
            return WantedTensor(weight.stored_shape)


def _stored_by_keras2(item: tuple[TensorName, Weight]) -> tuple[TensorName, Any]:
    """A kernel that Keras 2 stores in another layout: 'tf' under every ordering, 1-D in 3 axes."""
    from speccompiler.weights.weight_names import WantedTensor

    name, weight = item
    if weight.tensor != "W" or weight.split or weight.phases or len(weight.axes) < 4:
        return name, None
    back = tuple(weight.axes.index(axis) for axis in range(len(weight.axes)))
    moved = tuple(weight.stored_shape[axis] for axis in weight.axes)
    if weight.variants == "conv1d":  # (length, 1, in, out), and without the 1
        return name, WantedTensor(weight.stored_shape, ((weight.shape, ()),), only=True)
    if back == tuple(range(len(back))):
        return name, None
    return name, WantedTensor(weight.stored_shape, ((moved, back),), only=True)


def _layer_weights(
    loaded: LoadedSpec,
    layer: Layer,
    given: list[Any],
    mine: list[Weight],
    refer: Callable[[str, Weight], FileTensor],
    found: dict[Weight, TensorSource],
) -> list[Diagnostic]:
    name = str(layer.name)

    def report(problem: Problem, *item: int) -> Diagnostic:
        return loaded.locate(problem.at(layer=name), "weights", *item)

    if len(given) != len(mine):
        return [report(_wrong_number(len(given), mine))]
    diagnostics = []
    for index, (weight, entry) in enumerate(zip(mine, given, strict=True)):
        try:
            if isinstance(entry, str):
                found[weight] = refer(entry, weight)
            else:
                shape = inline_shape(entry)
                if weight.variants != "split" or shape != weight.split:
                    _check_shape(shape, weight, None)
                found[weight] = InlineTensor(entry, weight.stored_shape)
        except Problem as problem:
            diagnostics.append(report(problem, index))
    return diagnostics


def _wrong_number(given: int, mine: list[Weight]) -> Problem:
    expected = " and ".join(f"{w.tensor} {w.stored_shape}" for w in mine)
    hint = None
    if given == 1 and len(mine) == 2:
        hint = "with bias: false the layer takes W alone"
    elif given == 2 and len(mine) == 1:
        hint = "with bias: false there is no b"
    return Problem(
        "CS090",
        f"'weights' has {given} {'array' if given == 1 else 'arrays'}; the layer takes "
        f"{len(mine)}: {expected}",
        hint,
    )


def _opener() -> Callable[[Path], WeightFile]:
    """Opens each file once, however many tensors of it are referred to."""

    @cache
    def opened(path: Path) -> WeightFile:
        from speccompiler.weights.weight_files import open_weights

        return open_weights(path)

    return opened


def _referenced(
    text: str, weight: Weight, base: Path, opened: Callable[[Path], WeightFile]
) -> FileTensor:
    from speccompiler.weights.weight_files import resolve_reference

    reference = resolve_reference(text, base)
    file = opened(reference.path)
    info = file.find(reference.key)
    file.check_dtype(info)
    for shape, transpose in _wanted(weight).alternatives:
        if info.shape == shape != weight.stored_shape:
            return FileTensor(file, info.name, transpose, weight.stored_shape)
    if info.shape != weight.stored_shape:
        from speccompiler.weights.weight_names import ordering_hint

        _check_shape(info.shape, weight, ordering_hint([(weight.stored_shape, info.shape)]))
    return FileTensor(file, info.name, None, weight.stored_shape)


def _check_shape(shape: tuple[int, ...], weight: Weight, hint: str | None) -> None:
    if shape != weight.stored_shape:
        raise Problem(
            "CS106",
            f"{weight.tensor} has shape {shape}; the layer takes {weight.stored_shape}",
            hint,
        )


def _draw(
    loaded: LoadedSpec, layers: Mapping[str, Layer], wanted: Iterable[Weight], seed: int
) -> tuple[dict[Weight, TensorSource], list[Diagnostic]]:
    """A drawn source for each tensor, and CS075 for those that nothing says how to draw."""
    found: dict[Weight, TensorSource] = {}
    refused = []
    for weight in wanted:
        try:
            found[weight] = _drawn(layers[weight.layer], weight, seed)
        except Problem as problem:
            refused.append(loaded.locate(problem.at(layer=weight.layer)))
    return found, refused


def _drawn(layer: Layer, weight: Weight, seed: int) -> DrawnTensor:
    layer = layer.inner
    tensor = layer.tensors[weight.tensor]
    init = tensor.drawn if tensor.init is None else getattr(layer, tensor.init)
    factor = 1.0 if tensor.scale is None else getattr(layer, tensor.scale)
    for argument, value in ((tensor.init, init), (tensor.scale, factor)):
        if isinstance(value, Unknown):
            raise Problem(
                "CS075",
                f"{weight.tensor} cannot be drawn from a seed: {value.why}",
                "give --weights FILE, or write one of the initialisers that are known",
                argument=argument,
            )
    parameters: dict[str, float] = {}
    if isinstance(init, ScaledInitializer):
        parameters = {} if init.scale is None else {"scale": init.scale}
        init = init.name
    return DrawnTensor(init, parameters, weight, seed, tensor.fans, factor)


def random_note(sources: WeightSources, file: str) -> Diagnostic | None:
    """The note that weights are random, which a run with a seed owes its user."""
    drawn = sources.drawn
    if not drawn:
        return None
    layers = {tensor.weight.layer for tensor in drawn}
    return Diagnostic(
        "CS094",
        f"the weights of {len(layers)} {'layer' if len(layers) == 1 else 'layers'} are random, "
        f"drawn from seed {drawn[0].seed}",
        Severity.NOTE,
        file=file,
    )
