"""A model as an ONNX file: the lowered graph, operation by operation.

    graph -> tidy -> EXPORT (table.py), node by node -> ModelProto -> file

``builder.py`` holds what is written so far, ``values.py`` in which orders of its axes each value
is there, ``lengths.py`` sizes that only a run knows. Everything stays within opset 17, which
every runtime of the last years reads. ``onnx`` itself is imported by ``protobuf.py`` alone.
"""
