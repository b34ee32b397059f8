"""Where each tensor of a model comes from: a file, the spec itself, or its initialiser.

Sources are found and their shapes checked from headers alone, so ``validate`` reads
no array data. ``--weights`` replaces every weight that the spec names; otherwise a
layer's own ``weights`` come before the spec's ``weights`` file, and what neither
gives is drawn when there is a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .diagnostics import Diagnostic, Problem, Severity, Span
from .ir import Graph, Weight
from .loading.spec import LoadedSpec
from .schemas.fields import Layer
from .schemas.initializer import ScaledInitializer
from .schemas.model import ModelSpec
from .schemas.weights import inline_shape
from .source.tree import span_at

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .tensors.weight_files import WeightFile

    Array = npt.NDArray[np.float32]

TensorName = tuple[str, str]
MatchName = Literal["name", "topology"]
"""How tensors of a Keras HDF5 file find their layers."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor in a weight file; ``transpose`` brings an old layout to today's.

    What is stored with a length of 1 is repeated to ``shape``.
    """

    file: WeightFile
    key: str
    transpose: tuple[int, ...] | None
    shape: tuple[int, ...]

    def read(self) -> Array:
        """The stored tensor as float32."""
        import numpy as np

        array = self.file.read(self.key)
        if self.transpose is not None:
            return array.transpose(self.transpose)
        return array if array.shape == self.shape else np.broadcast_to(array, self.shape)

    def identity(self) -> str | None:
        """The file as it is now, and the place in it; None where it is not as it was opened."""
        state = self.file.unchanged_state()
        return None if state is None else f"{state} {self.key!r} {self.transpose} {self.shape}"


@dataclass(frozen=True, slots=True)
class InlineTensor:
    """Nested lists that the spec holds."""

    values: Any

    def read(self) -> Array:
        """The lists as float32."""
        import numpy as np

        return np.array(self.values, np.float32)

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
        from .tensors.initializers import initialize, tensor_fans

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
    wanted = _in_order(graph, list(layers))
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
        try:
            wrapped = {
                name: str(layer.inner.name)
                for name, layer in layers.items()
                if layer.inner is not layer and layer.inner.name is not None
            }
            others = wanted.keys() - rest.keys()
            pair = partial(_check_pair, spec=spec, base=base, named=named)
            sources, notes = _from_file(file, rest, others, wrapped, by, pair)
            found.update(sources)
            diagnostics += [replace(note, file=str(file)) for note in notes]
        except Problem as problem:
            # A wrong path is the spec's mistake, wrong content the weight file's.
            if named and problem.code == "CS100":
                diagnostics.append(problem.at(file=loaded.document.file, span=_named_at(loaded)))
            elif problem.code == "CS127":
                span = _named_at(loaded, "weights_sha256")
                diagnostics.append(problem.at(file=loaded.document.file, span=span))
            else:
                diagnostics.append(problem.at(file=str(file)))
    elif rest and seed is not None:
        found.update({w: _drawn(layers[w.layer], w, seed) for w in rest.values()})
    elif rest:
        diagnostics.append(_none_given(loaded, rest))
    if spec.semantics is not None:
        diagnostics += _names_of_another(found, theano=spec.semantics.profile.startswith("theano"))
    return WeightSources(found, tuple(diagnostics))


def _in_order(graph: Graph, layers: Sequence[str]) -> dict[TensorName, Weight]:
    """Every tensor by its name, in the order of the model's layers, as Keras counts them."""
    place = {name: number for number, name in enumerate(layers)}
    found = {(w.layer, w.tensor): w for w in graph.weights()}
    return dict(sorted(found.items(), key=lambda item: place[item[0][0]]))


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


def _named_at(loaded: LoadedSpec, key: str = "weights") -> Span | None:
    root = loaded.document.root
    return None if root is None else span_at(root, (key,))


def _check_pair(
    file: WeightFile, *, spec: ModelSpec, base: Path, named: bool
) -> tuple[Diagnostic, ...]:
    """CS127 unless these are the tensors that a spec says it was written with; CS128.

    ``named``: by the spec, and not by the caller, who may as well mean others.
    """
    from .weight_pairs import check_other, check_pair

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
    names = ", ".join(f"'{layer}/{tensor}'" for layer, tensor in list(rest)[:4])
    more = f" and {len(rest) - 4} more" if len(rest) > 4 else ""
    return Diagnostic(
        "CS095",
        f"no weights for {names}{more}",
        file=loaded.document.file,
        hint="give --weights FILE, or --seed N to draw them at random by each layer's init",
    )


def _from_file(
    path: Path,
    wanted: Mapping[TensorName, Weight],
    given: Collection[TensorName],
    wrapped: Mapping[str, str],
    by: MatchName | None,
    check: Callable[[WeightFile], tuple[Diagnostic, ...]],
) -> tuple[dict[Weight, TensorSource], tuple[Diagnostic, ...]]:
    from .tensors.file_match import match_file
    from .tensors.tensor_info import check_dtype
    from .tensors.weight_files import open_weights

    file = open_weights(path)
    found = check(file)
    stored, notes = match_file(
        file,
        {name: _wanted(weight) for name, weight in wanted.items()},
        given=given,
        wrapped=wrapped,
        by=by,
    )
    for tensor in stored.values():
        check_dtype(file.tensors[tensor.key])
    sources: dict[Weight, TensorSource] = {
        wanted[name]: FileTensor(file, tensor.key, tensor.transpose, wanted[name].stored_shape)
        for name, tensor in stored.items()
    }
    return sources, (*found, *notes)


def _wanted(weight: Weight) -> Any:
    from .tensors.weight_names import WantedTensor, old_conv1d_kernel, shared_parameter

    match weight.variants:
        case "conv1d":
            return old_conv1d_kernel(weight.stored_shape)
        case "shared":
            return shared_parameter(weight.stored_shape)
        case _:
            return WantedTensor(weight.stored_shape)


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
                _check_shape(inline_shape(entry), weight, None)
                found[weight] = InlineTensor(entry)
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
        from .tensors.weight_files import open_weights

        return open_weights(path)

    return opened


def _referenced(
    text: str, weight: Weight, base: Path, opened: Callable[[Path], WeightFile]
) -> FileTensor:
    from .tensors.tensor_info import check_dtype
    from .tensors.weight_files import resolve_reference

    reference = resolve_reference(text, base)
    file = opened(reference.path)
    info = file.find(reference.key)
    check_dtype(info)
    for shape, transpose in _wanted(weight).alternatives:
        if info.shape == shape != weight.stored_shape:
            return FileTensor(file, info.name, transpose, weight.stored_shape)
    if info.shape != weight.stored_shape:
        from .tensors.weight_names import ordering_hint

        _check_shape(info.shape, weight, ordering_hint([(weight.stored_shape, info.shape)]))
    return FileTensor(file, info.name, None, weight.stored_shape)


def _check_shape(shape: tuple[int, ...], weight: Weight, hint: str | None) -> None:
    if shape != weight.stored_shape:
        raise Problem(
            "CS106",
            f"{weight.tensor} has shape {shape}; the layer takes {weight.stored_shape}",
            hint,
        )


def _drawn(layer: Layer, weight: Weight, seed: int) -> DrawnTensor:
    layer = layer.inner
    tensor = layer.tensors[weight.tensor]
    init = tensor.drawn if tensor.init is None else getattr(layer, tensor.init)
    factor = 1.0 if tensor.scale is None else getattr(layer, tensor.scale)
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
