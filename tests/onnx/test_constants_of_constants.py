"""Large constants are computed again whenever they are asked for: how often is bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from speccompiler.model import check
from speccompiler.source.files import read_document

node = onnx.helper.make_node

LARGE = np.ones(100_000, np.float32)


def findings(tmp_path: Any, nodes: list[Any], last: str, **arrays: Any) -> list[tuple[str, str]]:
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", LARGE.size])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    held = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph([*nodes, node("Add", ["x", last], ["y"])], "g", [x], [y], held)
    path = tmp_path / "m.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
    return [(d.code, d.message) for d in check(read_document(path))[1] if d.severity == "error"]


def test_a_constant_that_each_node_reads_twice(tmp_path):
    """Each of them takes twice what the one before takes."""
    nodes = [node("Mul", [f"c{i}"] * 2, [f"c{i + 1}"]) for i in range(60)]
    assert findings(tmp_path, nodes[:5], "c5", c0=LARGE) == []
    ((code, message),) = findings(tmp_path, nodes, "c60", c0=LARGE)
    assert code == "CS266"
    assert message.endswith(" (Mul): its constants are computed of one another too often")


def test_a_long_row_of_constants(tmp_path):
    nodes = [node("Neg", [f"c{i}"], [f"c{i + 1}"]) for i in range(2000)]
    assert findings(tmp_path, nodes[:20], "c20", c0=LARGE) == []
    assert findings(tmp_path, nodes, "c2000", c0=LARGE) == [
        ("CS266",
         "node 100 (Neg): a large constant is computed of others in more than 100 steps")
    ]  # fmt: skip


@pytest.mark.parametrize("count", [2**40, 2**62])
def test_a_tensor_that_says_it_is_large_allows_no_more(tmp_path, count):
    nodes = [node("Mul", [f"c{i}"] * 2, [f"c{i + 1}"]) for i in range(60)]
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", LARGE.size])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    liar = onnx.TensorProto(name="unread", dims=[count], data_type=1, raw_data=b"abcd")
    held = [onnx.numpy_helper.from_array(LARGE, "c0"), liar]
    graph = onnx.helper.make_graph([*nodes, node("Add", ["x", "c60"], ["y"])], "g", [x], [y], held)
    onnx.save(onnx.helper.make_model(graph), tmp_path / "m.onnx")
    (finding,) = check(read_document(tmp_path / "m.onnx"))[1]
    assert finding.code in {"CS260", "CS266", "CS269"}
