"""Elementwise activation expressions: ``activation: {expr: "x * sigmoid(x)"}``.

``grammar`` reads them, ``library`` names the usual ones, ``evaluate`` computes
them with NumPy and ``source`` writes them as Python for numba.
"""

from __future__ import annotations

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Expression, canonical

__all__ = ["ACTIVATIONS", "Expression", "canonical", "parse"]
