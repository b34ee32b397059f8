"""What a target provides to run a plan, and what it is given for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Weight
from speccompiler.planning.plan import Plan

Array: TypeAlias = npt.NDArray[np.float32]


class Executor(Protocol):
    """Runs a plan over one batch at a time."""

    @property
    def plan(self) -> Plan:
        """What it runs."""

    @property
    def batch_size(self) -> int:
        """Most samples of a batch."""

    @property
    def kernel_seconds(self) -> float:
        """Time that compiling kernels, or loading them from the cache, took."""

    @property
    def own_bytes(self) -> int:
        """Bytes that it holds beside what it shares with others of its model."""

    def for_plan(self, graph: Graph, plan: Plan, batch_size: int) -> Executor:
        """An executor of another plan of the same model, whose weights are there already.

        ``graph`` is what the plan was made of, before any pass. Raises ``Problem``.
        """

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """Fill each output for one batch of samples of each input.

        The seconds that each step took are added to ``profile``.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """What an executor is made of."""

    target: str
    """As the caller named it, with the number of a GPU."""
    graph: Graph
    """As lowered, before any pass."""
    plan: Plan
    weights: Mapping[Weight, Any]
    batch_size: int
    threads: int
