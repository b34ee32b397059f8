"""What a worker compiles a model from: its text, the options, and where its weights are.

It travels once to each worker, never inside a task. Weights go by path, and their files have to
be the same everywhere; or by content, where the caller asks for it.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy.typing as npt

import speccompiler
from speccompiler.diagnostics.core import Problem, about
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.system_errors import reading_reason
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Weight
from speccompiler.model import Model, load_again
from speccompiler.options import CompileOptions, LoadOptions
from speccompiler.source.document import DocumentSource
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.files.file_state import file_state
from speccompiler.weights.files.tensor_digests import tensor_digest
from speccompiler.weights.sources import (
    DrawnTensor,
    FileTensor,
    InlineTensor,
    TensorSource,
    WeightSources,
)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that a worker has to find under the same path, with the same content."""

    path: Path
    sha256: str

    @staticmethod
    def of(path: Path) -> SentFile:
        """The file as it is here. CS100."""
        try:
            return SentFile(path, content_digest(path))
        except OSError as error:
            text = f"cannot read {quoted(str(path))}: {reading_reason(error)}"
            raise Problem("CS100", text, "it was there when the model was loaded") from None

    def check(self) -> None:
        """CS203 where it is not there, or another."""
        host = platform.node()
        hint = "put it where every worker sees it under this path, or send_weights=True"
        try:
            found = content_digest(self.path)
        except OSError as error:
            raise Problem(
                "CS203", f"a worker on {host} cannot read it: {reading_reason(error)}", hint
            ) from None
        if found != self.sha256:
            raise Problem("CS203", f"a worker on {host} has another file under this path", hint)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model and how it is to be compiled. ``fingerprint`` tells it from any other."""

    fingerprint: str
    source: DocumentSource
    loading: LoadOptions
    compiling: CompileOptions
    files: tuple[SentFile, ...]
    """The files with weights; none where the weights are in here."""
    weights: tuple[tuple[tuple[str, str], npt.NDArray[Any]], ...] | None
    """Every tensor that a file holds, by layer and tensor; None where the files are read."""

    @staticmethod
    def of(
        model: ValidatedModel,
        compiling: CompileOptions,
        *,
        send_weights: bool = False,
    ) -> Recipe:
        """The recipe of a model. Raises ``Problem`` for weights that cannot be read."""
        source, loading = model.loaded.document.source(), model.options
        if loading.weights is not None:
            loading = replace(loading, weights=loading.weights.absolute())
        paths = _inner_files(model) + ([] if send_weights else _weight_files(model))
        files = tuple(map(SentFile.of, paths))
        told = [speccompiler.__version__, source, compiling, files]
        weights = None
        if send_weights:
            weights = tuple(_stored(model))
            told += [(name, array.shape, tensor_digest(array)) for name, array in weights]
            loading = replace(loading, weights=None, look_for_weights=False)
        told.append(loading)
        fingerprint = hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return Recipe(fingerprint, source, loading, compiling, files, weights)

    def model(self) -> Model:
        """The model, on a worker. ``SpecError``: CS203 about a file that it needs."""
        for file in self.files:
            with about(str(file.path)):
                file.check()
        model = load_again(self.source, self.loading)
        if not self.weights:
            return model
        held = dict(self.weights)
        sources: dict[Weight, TensorSource] = {
            weight: InlineTensor(held[weight.name], weight.stored_shape)
            for weight in model.graph.weights()
        }
        return replace(model, weight_sources=WeightSources(sources, ()))


def _stored(model: ValidatedModel) -> Iterator[tuple[tuple[str, str], npt.NDArray[Any]]]:
    """Every tensor, where a file or the spec holds one: what is drawn is the same everywhere."""
    sources = model.weight_sources.sources
    if all(isinstance(source, DrawnTensor) for source in sources.values()):
        return
    for weight, source in sources.items():
        yield weight.name, source.read()


def _weight_files(model: ValidatedModel) -> list[Path]:
    """Every file that a tensor is in."""
    found = dict.fromkeys(
        path.absolute()
        for source in model.weight_sources.sources.values()
        if isinstance(source, FileTensor)
        for path in (source.file.parts or (source.file.path,))
    )
    return list(found)


def _inner_files(model: ValidatedModel) -> list[Path]:
    """The model that a spec is a wrapper of, which is read where the spec is."""
    document = model.loaded.document
    return [] if document.wrapper is None else [Path(document.read_files[0]).absolute()]


def content_digest(path: Path) -> str:
    """SHA-256 of a file, computed once for each state of it."""
    state = file_state(path)
    return _computed(path) if state is None else _remembered(path, state)


@lru_cache(maxsize=64)
def _remembered(path: Path, state: str) -> str:
    return _computed(path)


def _computed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
