"""Exact tiles: which part of every value a part of the outputs needs, and what it costs."""
