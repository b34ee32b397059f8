"""ONNX models damaged at random: bytes changed, and whole models whose parts say something else."""

from __future__ import annotations

import random
from collections.abc import Sequence

import onnx

NUMBERS = (0, 1, 2, 3, 5, -1, -2, 7, 2**31 - 1, 2**31, 2**62, -(2**63))
FLOATS = (0.0, -1.0, 0.5, 1e-8, 3e38, float("inf"), float("nan"))
WORDS = (b"", b"SAME_UPPER", b"VALID", b"nearest", b"linear", b"cubic", b"reflect", b"\xff\xfe")


def other_bytes(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A file with a few bytes changed, missing, doubled, or of another file."""
    found = bytearray(data)
    kind = rng.choice(["flip", "cut", "double", "zero", "large", "splice"])
    for _ in range(rng.choice([1, 1, 2, 4])):
        if not found:
            break
        at = rng.randrange(len(found))
        if kind == "flip":
            found[at] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            del found[at : at + rng.choice([1, 4, len(found)])]
        elif kind == "double":
            found[at:at] = found[at : at + rng.randrange(64)]
        elif kind == "zero":
            found[at : at + 4] = b"\0\0\0\0"
        elif kind == "large":
            found[at : at + 1] = b"\xff\xff\xff\xff\x7f"
        else:
            other = rng.choice(others)
            place = rng.randrange(len(other))
            found[at : at + 16] = other[place : place + 16]
    return bytes(found)


def other_words(model: onnx.ModelProto, ops: Sequence[str], rng: random.Random) -> bytes:
    """A sound message, of which one part says something that it did not."""
    inner = [a.g for node in model.graph.node for a in node.attribute if len(a.g.node)]
    graph = rng.choice([model.graph, *inner])
    nodes = list(graph.node)
    for _ in range(rng.choice([1, 1, 2])):
        node = rng.choice(nodes)
        kind = rng.randrange(9)
        if kind == 0 and node.attribute:
            _other_attribute(rng.choice(list(node.attribute)), rng)
        elif kind == 1 and graph.initializer:
            tensor = rng.choice(list(graph.initializer))
            if tensor.dims:
                tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
            else:
                tensor.dims.append(rng.choice(NUMBERS))
        elif kind == 2 and node.input:
            names = [name for each in nodes for name in (*each.input, *each.output)]
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, "", "nowhere"])
        elif kind == 3:
            node.op_type = rng.choice(ops)
        elif kind == 4 and graph.input:
            shape = rng.choice(list(graph.input)).type.tensor_type.shape
            if shape.dim:
                shape.dim[rng.randrange(len(shape.dim))].dim_value = rng.choice(NUMBERS)
        elif kind == 5 and graph.initializer:
            tensor = rng.choice(list(graph.initializer))
            if tensor.data_type == onnx.TensorProto.INT64 and tensor.raw_data:
                numbers = [rng.choice(NUMBERS) for _ in range(len(tensor.raw_data) // 8)]
                tensor.raw_data = b"".join(n.to_bytes(8, "little", signed=True) for n in numbers)
            else:
                tensor.data_type = rng.choice([0, 1, 6, 7, 9, 10, 11, 16, 99])
        elif kind == 6:
            del node.input[rng.randrange(len(node.input) + 1) :]
        elif kind == 7:
            name = rng.choice(["axis", "axes", "perm", "pads", "group", "strides", "blocksize"])
            value = rng.choice(NUMBERS)
            many = rng.random() < 0.5
            if not any(each.name == name for each in node.attribute):
                made = [value] * rng.randrange(1, 5) if many else value
                node.attribute.append(onnx.helper.make_attribute(name, made))
        elif model.opset_import:
            model.opset_import[0].version = rng.choice([1, 6, 9, 11, 13, 18, 25, 99, -1])
    return bytes(model.SerializeToString())


def _other_attribute(attribute: onnx.AttributeProto, rng: random.Random) -> None:
    kinds = onnx.AttributeProto
    if attribute.type == kinds.INT:
        attribute.i = rng.choice(NUMBERS)
    elif attribute.type == kinds.INTS:
        if attribute.ints and rng.random() < 0.7:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
        elif attribute.ints and rng.random() < 0.5:
            del attribute.ints[-1]
        else:
            attribute.ints.append(rng.choice(NUMBERS))
    elif attribute.type == kinds.FLOAT:
        attribute.f = rng.choice(FLOATS)
    elif attribute.type == kinds.STRING:
        attribute.s = rng.choice(WORDS)
    else:
        attribute.type = rng.choice([1, 2, 3, 6, 7])
