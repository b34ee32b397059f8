"""A model as a .keras file of Keras 3: the lowered graph, operation by operation, as layers.

    graph -> tidy -> LAYERS (table.py), node by node -> layers with their calls -> file

Only layers of Keras itself are written, no operations and no code, so that any Keras 3 loads the
file on any backend. What no layer says is refused. Keras is not imported.
"""
