"""A model written as a file of another kind, which the end of the file's name says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from speccompiler.arrays.optional_packages import imported
from speccompiler.convert.conversion import Converted, convert, unconverted
from speccompiler.diagnostics.core import Diagnostic, Severity, about
from speccompiler.files.atomic_output import cannot_create
from speccompiler.frozen import dataclass
from speccompiler.lowering.states import stateful_layers
from speccompiler.schemas.fields import Ordering
from speccompiler.schemas.profiles import Profile
from speccompiler.validation.validated import ValidatedModel

FileKind = Literal["spec", "onnx", "keras"]
ENDS: dict[str, FileKind] = {".yaml": "spec", ".yml": "spec", ".onnx": "onnx", ".keras": "keras"}
NAMES = "in .yaml for a native spec, in .onnx for an ONNX model, in .keras for Keras 3"
"""How a file's name ends, as messages say it."""
PACKAGES = {
    "onnx": ("onnx", "onnx", "ONNX files need"),
    "keras": ("h5py", "hdf5", ".keras files need"),
}
"""The package, its extra, and how a message begins: of what is written by a package."""
FORMATS = {"onnx": "ONNX", "keras": "Keras 3"}


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was written, and what it holds: "3 tensors"."""

    path: Path
    holds: str


def kind_of(path: Path) -> FileKind | None:
    """What a file of this name is to be; None where its end says nothing."""
    return ENDS.get(path.suffix.lower())


def check_package(path: Path, kind: FileKind) -> None:
    """CS104 where the package that writes such a file is missing, or cannot be imported."""
    if kind in PACKAGES:
        with about(str(path)):
            imported(*PACKAGES[kind])


def converted_for(
    model: ValidatedModel,
    kind: FileKind,
    *,
    semantics: Profile | None = None,
    dim_ordering: Ordering | None = None,
) -> Converted:
    """The model as a file of this kind needs it. Raises ``SpecError`` as ``convert`` does."""
    if model.spec.onnx is not None and kind != "spec" and not (semantics or dim_ordering):
        return unconverted(model)
    return convert(model, semantics=semantics, dim_ordering=dim_ordering)


def read_files(model: ValidatedModel) -> list[str | Path]:
    """The files that a model is read from, which nothing may be written over."""
    weights = model.weight_sources.paths if model.names_weights else ()
    return [*model.loaded.document.read_files, *weights]


def overwritten(read: Sequence[str | Path], *targets: Path) -> Path | None:
    """The first of the targets that is one of the files that are read."""
    for file in read:
        for target in targets:
            try:
                if target.samefile(file):
                    return target
            except (OSError, ValueError):
                continue
    return None


def check_unread(read: Sequence[str | Path], *targets: Path) -> None:
    """``SpecError`` CS120 for a target that is read."""
    same = overwritten(read, *targets)
    if same is not None:
        with about(str(same)):
            raise cannot_create("it is what the model is read from", "name another output")


def write(
    converted: Converted,
    kind: FileKind,
    target: Path,
    weights: Path | None = None,
    check: Callable[..., None] = check_unread,
) -> list[SavedFile]:
    """Write what ``converted_for`` gave, each file complete or not at all, as ``SavedFile``s.

    ``weights`` is the file for those of a spec, by default beside it; ``check`` is given the files
    that are read and those that will be written, and refuses. Raises ``SpecError`` as the writers
    do.
    """
    read = read_files(converted.model)
    if kind == "spec":
        return _write_spec(converted, target, weights, read, check)
    check(read, target)
    if kind == "keras":
        from speccompiler.convert.keras3.keras_file import write_keras
        from speccompiler.convert.keras3.of_model import keras_model

        layers = keras_model(converted)
        write_keras(target, layers)
        return [SavedFile(target, counted(len(layers.layers), "layer"))]
    from speccompiler.convert.onnx.of_model import onnx_model
    from speccompiler.convert.onnx.onnx_file import data_path, needs_data_file, write_onnx

    made = onnx_model(converted)
    if needs_data_file(made):
        check(read, data_path(target))
    written = write_onnx(target, made)
    beside = [] if written.data is None else [SavedFile(written.data, "its weights")]
    held = f"{counted(written.nodes, 'node')}, {counted(written.tensors, 'tensor')}"
    return [*beside, SavedFile(target, held)]


def _write_spec(
    converted: Converted,
    target: Path,
    weights: Path | None,
    read: Sequence[str | Path],
    check: Callable[..., None],
) -> list[SavedFile]:
    from speccompiler.convert.pair import default_weights_path, write_pair

    file = None
    if converted.has_weights:
        file = weights or default_weights_path(target)
    check(read, target, *filter(None, [file]))
    count = write_pair(converted, target, file)
    beside = [] if file is None else [SavedFile(file, counted(count, "tensor"))]
    return [*beside, SavedFile(target, f"{len(converted.spec.layers)} layers")]


def begins_with_zeros(model: ValidatedModel, kind: FileKind) -> list[Diagnostic]:
    """A note on the first stateful layer, of which ONNX and a file for Keras 3 keep no state."""
    if kind == "spec":
        return []
    for layer in stateful_layers(model.spec):
        found = Diagnostic(
            "CS213",
            f"the model is stateful, and in {FORMATS[kind]} its states begin with zeros in each "
            "run",
            Severity.NOTE,
            layer=layer.name,
            argument="stateful",
            hint="a run gives what the first batch gives here; where each sample is a sequence of "
            "its own, nothing is lost",
        )
        return [model.loaded.locate(found)]
    return []


def counted(number: int, noun: str) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{number} {noun}" + ("s" if number != 1 else "")
