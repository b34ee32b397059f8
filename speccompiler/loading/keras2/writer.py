"""Which Keras after 1.x wrote a model: multi-backend Keras 2, TensorFlow's own, or Keras 3.

The release decides numbers: hard_sigmoid has another slope in Keras 3, ``bilinear`` looked at
other places before TensorFlow 2, and Keras 2.0 ignored the dilation of a SeparableConv2D.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.loading.keras1.keras2_marks import written_by_keras2
from speccompiler.loading.keras1.releases import before, tensorflows
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Scalar, mappings

Line = Literal["Keras 2", "tf.keras", "Keras 3"]
_STANDING_FOR: dict[Line, str] = {"Keras 2": "2.3.1", "tf.keras": "2.15.0", "Keras 3": "3.15.0"}
"""A release of each line, for what asks for one where the file names none."""
_BACKENDS = {"tensorflow", "cntk", "theano", "jax", "torch", "numpy", "openvino", "mxnet"}


@dataclass(frozen=True, slots=True)
class Writer:
    """The line of releases, the release that the file names, and the backend that it names."""

    line: Line
    version: str | None
    backend: str | None

    @property
    def keras_version(self) -> str:
        """The release, or one that stands for its line."""
        return self.version or _STANDING_FOR[self.line]

    @property
    def shown(self) -> str:
        """For a sentence: ``Keras 2.1.6``."""
        if self.line == "tf.keras":
            return f"tf.keras {self.version or ''}".strip()
        return f"Keras {self.version}" if self.version else self.line

    @property
    def theano(self) -> bool:
        """Whether its kernels are applied flipped."""
        return self.backend == "theano"

    def before(self, *release: int) -> bool:
        """Whether multi-backend Keras 2 wrote it, in a release before this one."""
        return self.line == "Keras 2" and before(self.keras_version, release)


def writer_of(root: Mapping, version: str | None, backend: str | None) -> Writer | None:
    """Who wrote a model, None for Keras 1.x and before; raises ``ProblemAt`` for CS040.

    ``version`` and ``backend`` are what the file around the text says.
    """
    node = root.entries.get("keras_version")
    if node is not None and isinstance(node.value, Scalar) and node.value.value is not None:
        version = str(node.value.value)
    backend = text_at(root, "backend") or text_at(root, "original_backend") or backend
    if version is not None and version.startswith(("0.", "1.")):
        return None
    if version is None and not _is_later(root):
        return None
    span = root.span if node is None else node.value.span
    return Writer(_line(root, version, span), version, _known_backend(backend))


def _known_backend(backend: str | None) -> str | None:
    return backend if backend in _BACKENDS else None


def _is_later(root: Mapping) -> bool:
    """Whether the text itself tells that Keras 2 or later wrote it."""
    if written_by_keras2(root):
        return True
    config, kind = root.entries.get("config"), text_at(root, "class_name")
    listed = config is not None and isinstance(config.value, Mapping)
    return kind == "Functional" or (kind == "Sequential" and listed)


def _line(root: Mapping, version: str | None, span: Span) -> Line:
    if version is not None:
        if version.startswith("3."):
            return "Keras 3"
        if not version.startswith("2."):
            raise ProblemAt(span, _unknown_release(version))
        if tensorflows(version):
            return "tf.keras"
    marks = set(_marks(root))
    if version is None and "Keras 3" in marks:
        return "Keras 3"
    return "tf.keras" if marks else "Keras 2"


def _marks(root: Mapping) -> Iterator[Line]:
    """What only one of the lines writes."""
    for node in mappings(root):
        entries = node.entries
        if "batch_shape" in entries or text_at(node, "class_name") in _KERAS_3_CLASSES:
            yield "Keras 3"
        module = text_at(node, "module")
        if module is not None and "class_name" in entries:
            yield "Keras 3" if module.startswith("keras.src.") else "tf.keras"
        if "ragged" in entries:
            yield "tf.keras"


_KERAS_3_CLASSES = {"__keras_tensor__", "DTypePolicy"}


def _unknown_release(version: str) -> Problem:
    return Problem(
        "CS040",
        f"this was written by Keras {shown(version)}; convspec reads what Keras 0.1 to 3 wrote",
        "write the model as a native spec, or save it with a release of Keras 3",
    )
