"""Which backend saved a Keras file, by the names of its tensors.

Only TensorFlow's variables end in ``:0``; Theano's have no such end, and in Keras 3 no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.loading.keras1.releases import before
from speccompiler.schemas.model import SemanticsFields
from speccompiler.weights.sources import FileTensor, TensorSource


def theano_names(files: Sequence[FileTensor]) -> bool:
    """Whether Keras wrote these, and not on TensorFlow; before 1.0 it named no variables."""
    keras = bool(files) and all(
        source.file.layers is not None and before(source.file.keras_version, (3,))
        for source in files
    )
    tensorflow = any(source.key.endswith(":0") for source in files)
    unnamed = all(source.key.rpartition("/")[2].startswith("param_") for source in files)
    return keras and not tensorflow and not unnamed


def backend_warnings(
    semantics: SemanticsFields | None, sources: Iterable[TensorSource]
) -> tuple[Diagnostic, ...]:
    """CS054 where every tensor is named as only the other backend's Keras named variables."""
    if semantics is None:
        return ()
    theano = semantics.profile.startswith("theano")
    files = [source for source in sources if isinstance(source, FileTensor)]
    if theano and files and all(source.key.endswith(":0") for source in files):
        what, named = "end in ':0', as TensorFlow's do", "Theano"
    elif not theano and theano_names(files):
        what, named = "do not end in ':0', as TensorFlow's do: Theano saved them", "TensorFlow"
    else:
        return ()
    other = "tensorflow" if theano else "theano"
    return (
        Diagnostic(
            "CS054",
            f"the tensors' names {what}, but the semantics are {named}'s",
            Severity.WARNING,
            file=str(files[0].file.path),
            hint=f"pass --semantics {other}, unless the weights were converted",
        ),
    )
