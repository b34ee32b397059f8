"""ONNX files as onnx itself reads them; data beside them; files that nobody should trust."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import speccompiler
from speccompiler.diagnostics.core import Problem
from speccompiler.files.onnx.model import Tensor
from speccompiler.files.onnx.reading import read_onnx
from speccompiler.files.onnx.tensors import read_tensor
from speccompiler.lowering.onnx.table import RULES
from speccompiler.model import check
from speccompiler.source.files import read_document
from tests.onnx.backend_suite import cases
from tests.onnx.damage import other_bytes, other_words
from tests.onnx.made_models import convspec_gives, model, node
from tests.onnx.made_models import random as numbers
from tests.onnx.test_against_onnxruntime import branches
from tests.onnx.test_scan import CELLS, loop, written


def test_every_model_of_the_wheel_is_read_as_onnx_reads_it() -> None:
    for case in cases():
        theirs, mine = case.model, read_onnx(case.folder / "model.onnx")
        assert [n.op_type for n in theirs.graph.node] == [n.op_type for n in mine.nodes]
        assert [tuple(n.input) for n in theirs.graph.node] == [n.inputs for n in mine.nodes]
        assert [v.name for v in theirs.graph.input] == [v.name for v in mine.inputs]
        opsets = {o.domain: o.version for o in theirs.opset_import}
        assert opsets == mine.opsets
        for one, other in zip(theirs.graph.node, mine.nodes, strict=True):
            assert [a.name for a in one.attribute] == list(other.attributes)
            for attribute in one.attribute:
                value = helper.get_attribute_value(attribute)
                held = other.attributes[attribute.name]
                if isinstance(value, int | float | bytes):
                    assert value == held
                elif (
                    isinstance(value, list) and value and isinstance(value[0], int | float | bytes)
                ):
                    assert tuple(value) == held


@pytest.mark.parametrize(
    "kind", ["float32", "float64", "float16", "int8", "int32", "int64", "uint8", "uint64", "bool"]
)
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_of_every_type(kind: str, raw: bool, tmp_path: Path) -> None:
    array = (np.arange(6).reshape(2, 3) - (0 if kind in {"uint8", "uint64", "bool"} else 3)).astype(
        kind
    )
    number = helper.np_dtype_to_tensor_dtype(array.dtype)
    values = array.tobytes() if raw else array.ravel().tolist()
    tensor = helper.make_tensor("t", number, array.shape, values, raw=raw)
    made = model([node("Identity", "x")], {"x": ["N", 3]})
    made.graph.initializer.append(tensor)
    path = tmp_path / "t.onnx"
    path.write_bytes(made.SerializeToString())
    held = read_onnx(path).initializers["t"]
    np.testing.assert_array_equal(read_tensor(path, held, "t"), numpy_helper.to_array(tensor))


def product() -> onnx.ModelProto:
    return model([node("MatMul", "x w")], {"x": ["N", 4]}, constants={"w": numbers(4, 3)})


def beside(folder: Path, location: str = "w.bin", **more: str) -> Path:
    """A model whose weights are said to lie in another file."""
    made = product()
    (tensor,) = made.graph.initializer
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    folder.mkdir(exist_ok=True)
    (folder / "w.bin").write_bytes(b"x" * 8 + data)
    path = folder / "m.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def error_of(path: Path) -> tuple[str, str]:
    model, found = check(read_document(path))
    assert model is None
    return found[-1].code, found[-1].message


def test_data_in_a_file_beside_the_model(tmp_path: Path) -> None:
    path = beside(tmp_path / "m", offset="8", length="48")
    x = numbers(2, 4)
    loaded = speccompiler.load(path)
    np.testing.assert_allclose(loaded.run(x), x @ numbers(4, 3), rtol=1e-5)
    assert set(loaded.weight_sources.paths) == {path, path.parent / "w.bin"}


def test_data_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 100)
    for location in ("../secret", "/etc/passwd", "a/../../secret", "", "C:\\secret", "..\\secret"):
        code, message = error_of(beside(tmp_path / "m", location))
        assert code == "CS265"
        assert message.endswith("as a file with its numbers, which is not in its own folder")
    path = beside(tmp_path / "m", "link.bin")
    os.symlink(tmp_path / "secret", tmp_path / "m" / "link.bin")
    assert error_of(path) == (
        "CS265",
        "the file 'link.bin' that the model names is a link that leads out of its folder",
    )


def test_data_that_is_not_all_there(tmp_path: Path) -> None:
    assert error_of(beside(tmp_path / "m", "gone.bin")) == (
        "CS265",
        "the numbers of tensor 'w' are in the file 'gone.bin' beside the model, which is not there",
    )
    assert error_of(beside(tmp_path / "m", offset="20", length="48")) == (
        "CS265",
        "the file 'w.bin' beside the model has 56 bytes, and tensor 'w' needs those up to 68",
    )
    code, message = error_of(beside(tmp_path / "m", length="40"))
    assert (code, message) == (
        "CS260",
        "tensor 'w' of shape (4, 3) needs 48 bytes of float32, but 40 are stored",
    )
    code, _ = error_of(beside(tmp_path / "m", offset="-1"))
    assert code == "CS260"
    os.mkfifo(tmp_path / "m" / "pipe")
    assert error_of(beside(tmp_path / "m", "pipe"))[0] == "CS265"


def test_a_file_that_changed_is_not_read_on(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(product().SerializeToString())
    loaded = speccompiler.load(path)
    path.write_bytes(product().SerializeToString()[:40])
    with pytest.raises(speccompiler.SpecError, match="CS101"):
        loaded.run(numbers(2, 4))


def test_names_that_are_no_text(tmp_path: Path) -> None:
    data = product().SerializeToString().replace(b"MatMul", b"Mat\xfful")
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    code, message = error_of(path)
    assert code == "CS260"
    assert message.endswith("is not UTF-8 text")


def test_many_small_things_are_counted(tmp_path: Path) -> None:
    """Nodes of two bytes: a thousand times the file in memory, if nobody counted."""
    graph = b"\x0a\x00" * 300_000
    length = len(graph)
    varint = bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14])
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08\x3a" + varint + graph)
    assert error_of(path) == (
        "CS260",
        "this is no sound ONNX model: it holds more than 200000 nodes, tensors, attributes and "
        "names",
    )


BOMBS = {
    "ConstantOfShape": ({"s": np.array([2**31, 2**31])}, "ConstantOfShape"),
    "Expand": ({"v": np.zeros(1, np.float32), "s": np.array([2**20, 2**20])}, "Expand"),
    "Tile": ({"v": np.zeros(2, np.float32), "s": np.array([2**40])}, "Tile"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_constants_that_would_not_fit(name: str, tmp_path: Path) -> None:
    constants, kind = BOMBS[name]
    nodes = [node(kind, " ".join(constants), "c"), node("Add", "x c")]
    path = tmp_path / "m.onnx"
    path.write_bytes(model(nodes, {"x": ["N", 2]}, constants=constants).SerializeToString())
    code, message = error_of(path)
    assert code == "CS266"
    assert message.endswith("numbers is not computed")


def test_a_value_that_no_machine_holds(tmp_path: Path) -> None:
    nodes = [node("Expand", "x s")]
    constants = {"s": np.array([1, 2**40, 2**40])}
    path = tmp_path / "m.onnx"
    path.write_bytes(model(nodes, {"x": ["N", 1, 1]}, constants=constants).SerializeToString())
    assert error_of(path)[0] == "CS047"


def test_an_input_that_no_machine_holds(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    made = model([node("Relu", "x")], {"x": ["N", 3, 10**9, 10**9]})
    path.write_bytes(made.SerializeToString())
    text = "input 'x': one sample of this layer's output would hold more than 2**60 values"
    assert error_of(path) == ("CS047", text)


def test_an_expansion_that_fits_no_value(tmp_path: Path) -> None:
    constants = {"s": np.array([4])}
    path = tmp_path / "m.onnx"
    made = model([node("Expand", "x s")], {"x": ["N", 3]}, constants=constants)
    path.write_bytes(made.SerializeToString())
    assert error_of(path) == ("CS063", "node 0 (Expand): lengths 3 and 4 cannot be broadcast")


def test_nodes_in_another_order_are_sorted(tmp_path: Path) -> None:
    nodes = [node("Relu", "h"), node("Neg", "x", "h")]
    x = numbers(2, 3)
    (got,) = convspec_gives(model(nodes, {"x": ["N", 3]}), {"x": x}, tmp_path)
    np.testing.assert_array_equal(got, np.maximum(-x, 0))


def test_an_output_has_its_name_though_another_node_is_called_so(tmp_path: Path) -> None:
    made = model(
        [node("Relu", "x", "r", name="y"), node("Neg", "r", "y", name="last")], {"x": ["N", 3]}
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    assert speccompiler.load(path).output_names == ("y",)


def test_nodes_that_need_each_other(tmp_path: Path) -> None:
    nodes = [node("Add", "x b", "a"), node("Add", "x a", "b"), node("Neg", "b")]
    path = tmp_path / "m.onnx"
    path.write_bytes(model(nodes, {"x": ["N", 3]}).SerializeToString())
    assert error_of(path) == ("CS269", "node 0 (Add) and node 1 (Add) need each other")


def test_old_models_list_weights_as_inputs(tmp_path: Path) -> None:
    made = product()
    value = helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3])
    made.graph.input.insert(0, value)
    x = numbers(2, 4)
    (got,) = convspec_gives(made, {"x": x}, tmp_path)
    np.testing.assert_allclose(got, x @ numbers(4, 3), rtol=1e-5)


def test_half_and_double_weights_become_floats(tmp_path: Path) -> None:
    for kind in (np.float16, np.float64):
        nodes = [node("Cast", "w", "v", to=TensorProto.FLOAT), node("MatMul", "x v")]
        weight = numbers(4, 3).astype(kind)
        made = model(nodes, {"x": ["N", 4]}, constants={"w": weight})
        x = numbers(2, 4)
        (got,) = convspec_gives(made, {"x": x}, tmp_path)
        np.testing.assert_allclose(got, x @ weight.astype(np.float32), rtol=1e-5)


def sound_models(folder: Path) -> list[bytes]:
    """Small models that are read, one of each operation that has one."""
    found: dict[str, bytes] = {}
    for case in cases():
        model = case.model
        data = model.SerializeToString()
        first = case.ops[0] if case.ops else ""
        if first in found or first not in RULES or len(data) > 20_000:
            continue
        path = folder / "m.onnx"
        path.write_bytes(data)
        if check(read_document(path))[0] is not None:
            found[first] = data
    return [*found.values(), *loops()]


def loops() -> list[bytes]:
    """Models with a body: steps of each cell, and two branches."""
    made = [
        written(*loop(cell, kernel, mask="steps", sequences=True, carried=kernel == ()))
        for cell in CELLS
        for kernel in ((), (3, 2))
    ]
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "n"),
        node("Equal", "n one", "truth"),
        branches([node("Squeeze", "x one", "a")], [node("Relu", "x", "b")]),
    ]
    made.append(model(nodes, {"x": ["N", 1, 4]}, constants={"one": np.array([1])}))
    return [one.SerializeToString() for one in made]


def damage(folder: Path, count: int, seed: int) -> None:
    models, rng = sound_models(folder), random.Random(seed)
    assert len(models) > 40
    path = folder / "m.onnx"
    for number in range(count):
        one = rng.choice(models)
        if number % 3:
            try:
                data = other_words(onnx.load_from_string(one), list(RULES), rng)
            except ValueError:  # a number that a field cannot hold
                continue
        else:
            data = other_bytes(one, models, rng)
        path.write_bytes(data)
        begun = time.monotonic()
        loaded, found = check(read_document(path))
        assert loaded is not None or found
        if loaded is not None:
            loaded.shapes()
        assert time.monotonic() - begun < 20


def test_damaged_models_end_in_diagnostics(tmp_path: Path) -> None:
    damage(tmp_path, 600, 20160411)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_damaged_models_end_in_diagnostics(seed: int, tmp_path: Path) -> None:
    damage(tmp_path, 5000, seed)


def test_a_tensor_says_where_it_lies() -> None:
    tensor = Tensor("t", "float32", (2,), "raw", ())
    with pytest.raises(Problem, match="needs 8 bytes of float32, but 0 are stored"):
        read_tensor(Path("nowhere"), tensor, "t")
