"""ONNX operations to operations of the graph.

    lower          the nodes of a model, one after another
    values         what a node reads and gives: a value of a run, or one that is known before it
    scope          a node while it is lowered: its inputs, its attributes, the graph
    known_values   nodes that depend on constants and shapes alone are computed
    known_rules    the rule of each of them
    table          the rule of each operation, by its name

Values keep the axes that they have in ONNX, without the one that counts samples. That one may
stand anywhere; a value says where. Operations with spatial axes stand between two transposes.
"""
