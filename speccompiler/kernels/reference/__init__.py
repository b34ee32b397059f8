"""The reference target: every operation in float64 NumPy, written for clarity."""
