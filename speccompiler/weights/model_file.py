"""The tensors of a whole model in one file: from opening it to a source for each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.graph.ir import Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.loading.wrapped_model import place_of
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.registry import NATIVE_LAYERS
from speccompiler.source.tree import span_at
from speccompiler.weights.files.weight_file import WEIGHT_FILE, WeightFile, open_weights
from speccompiler.weights.matching.match_tensors import match_tensors
from speccompiler.weights.matching.saved_paths import layers_of_paths
from speccompiler.weights.matching.wanted_tensors import (
    TensorName,
    WantedTensors,
    keras2_tensor,
    wanted_tensor,
    with_cudnn_kernels,
)
from speccompiler.weights.replaced_layers import without_layers
from speccompiler.weights.sources import FileTensor, MatchName, TensorSource, WeightSources
from speccompiler.weights.weight_pairs import check_other, check_pair


def weights_of_file(
    loaded: LoadedSpec,
    wanted: Mapping[TensorName, Weight],
    given: Collection[TensorName],
    file: Path | None,
    by: MatchName | None,
) -> WeightSources:
    """A source in a file for each wanted tensor, or findings.

    ``file`` is the caller's; None takes the spec's ``weights``. ``given`` are tensors that come
    from elsewhere, though the file may hold them as well.
    """
    spec = loaded.spec
    assert spec is not None, "weights are looked for in a valid spec"
    named = file is None
    if file is None:
        assert spec.weights is not None, "one of the two names a file"
        file = Path(loaded.document.file).parent / spec.weights
    try:
        what = "saved model" if file == loaded.document.holder else WEIGHT_FILE
        opened = open_weights(file, what)
        notes = _check_pair(opened, spec, Path(loaded.document.file).parent, named=named)
        sources, more = _found(loaded, opened, wanted, given, by)
    except Problem as problem:
        return WeightSources({}, (_located(problem, loaded, file, named=named),))
    return WeightSources(sources, tuple(replace(n, file=str(file)) for n in (*notes, *more)))


def _found(
    loaded: LoadedSpec,
    file: WeightFile,
    wanted: Mapping[TensorName, Weight],
    given: Collection[TensorName],
    by: MatchName | None,
) -> tuple[dict[Weight, TensorSource], tuple[Diagnostic, ...]]:
    """Sources, and notes on how they were found. Raises ``Problem``."""
    assert loaded.spec is not None, "weights are looked for in a valid spec"
    wrapped = {
        str(layer.name): str(layer.inner.name)
        for layer in loaded.spec.layers
        if layer.inner is not layer and layer.inner.name is not None
    }
    version = ("" if loaded.spec.native else loaded.spec.keras_version) or ""
    later = version[:1].isdigit() and not version.startswith(("0", "1"))
    own = {str(layer.name) for layer in loaded.spec.layers if _is_native(layer)}
    in_keras2 = {
        name: keras2_tensor(weight, later=later)
        for name, weight in wanted.items()
        if name[0] not in own
    }
    tensors = WantedTensors(
        {name: wanted_tensor(weight) for name, weight in wanted.items()},
        given,
        wrapped,
        {name: tensor for name, tensor in in_keras2.items() if tensor is not None},
        layers_of_paths(loaded.document.root) if later else {},
        f"Keras {version}" if later else None,
    )
    replaced = {name for name, entry in loaded.places.items() if entry.answer is not None}
    kept = {layer for layer, _ in (*wanted, *given)}
    others, left = without_layers(file, replaced, kept)
    matches, notes = match_tensors(others, tensors, by)
    stored = with_cudnn_kernels(matches, wanted)
    for tensor in stored.values():
        file.check_dtype(file.tensors[tensor.key])
    sources: dict[Weight, TensorSource] = {
        wanted[name]: FileTensor(
            file, tensor.key, tensor.transpose, wanted[name].stored_shape, tensor.form
        )
        for name, tensor in stored.items()
    }
    return sources, (*left, *notes)


def _is_native(layer: Layer) -> bool:
    """Whether Keras 1.x has no such layer: its tensors then have the layouts of Keras 2."""
    return layer.inner.class_name in NATIVE_LAYERS


def _check_pair(
    file: WeightFile, spec: ModelSpec, base: Path, *, named: bool
) -> tuple[Diagnostic, ...]:
    """CS127 unless these are the tensors that a spec says it was written with; CS128.

    ``named``: by the spec, and not by the caller, who may as well mean others.
    """
    if spec.weights_sha256 is None or spec.weights is None:
        return ()
    own = base / spec.weights
    if named or (own.exists() and own.samefile(file.path)):
        check_pair(file, spec.weights_sha256)
        return ()
    found = check_other(file, spec.weights_sha256)
    return () if found is None else (found,)


def _located(problem: Problem, loaded: LoadedSpec, file: Path, *, named: bool) -> Diagnostic:
    """A problem at the line of the spec that caused it, or with the name of the file.

    A wrong path is the spec's mistake where the spec names it, and so is another digest; wrong
    content is the weight file's.
    """
    if problem.code == "CS127":
        key = "weights_sha256"
    elif problem.code == "CS100" and named:
        key = "weights"
    else:
        return problem.at(file=str(file))
    document = place_of(loaded.document, key)
    span = None if document.root is None else span_at(document.root, (key,))
    return problem.at(file=document.file, span=span)
