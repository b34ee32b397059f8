"""The graph of operations: dimensions, shapes, and what follows from them alone."""
