"""One output of one node of an ONNX graph, as a layer: no type of layer that a spec can name."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from speccompiler.schemas.fields import Layer
from speccompiler.schemas.tensors import StoredTensor

_STATISTICS = {"BatchNormalization": (3, 4)}
"""The inputs of an operation that training by gradients does not change."""


class _Tensors(Mapping[str, StoredTensor]):
    """The tensors of a node, which have the names that its graph gives them: every name is one."""

    def __init__(self, fixed: frozenset[str]) -> None:
        self._fixed = fixed

    def __getitem__(self, name: str) -> StoredTensor:
        return StoredTensor(trainable=name not in self._fixed)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class OnnxNode(Layer):
    """A node: its operation, and what is said of it beside values and weights."""

    op_type: str
    domain: str = ""
    attributes: Mapping[str, Any] = {}
    """A tensor stands there by its type and shape."""
    given: tuple[Any, ...] = ()
    """For each input the numbers of a small constant, None for everything else."""
    output: int = 0
    """Which of the node's outputs it is."""
    read: tuple[str, ...] = ()
    """The names of what it reads, in the file."""
    names_only: ClassVar[frozenset[str]] = frozenset({"read"})

    @property
    def class_name(self) -> str:
        """The operation."""
        return self.op_type

    @property
    def tensors(self) -> Mapping[str, StoredTensor]:  # type: ignore[override]
        """Its tensors by the names that they have in the file."""
        places = _STATISTICS.get(self.op_type, ())
        return _Tensors(frozenset(self.read[i] for i in places if i < len(self.read)))
