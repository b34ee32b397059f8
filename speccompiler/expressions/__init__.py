"""Elementwise activation expressions: ``activation: {expr: "x * sigmoid(x)"}``.

``grammar`` reads them, ``library`` names the usual ones, ``evaluate`` computes
them with NumPy and ``source`` writes them as Python for kernels.
"""
