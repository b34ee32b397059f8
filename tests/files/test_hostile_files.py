"""What a file that means harm cannot do: run code, open other files, take memory or time."""

from __future__ import annotations

import json
import marshal
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.model import check
from speccompiler.source.files import read_document
from speccompiler.source.texts import parse_document
from tests.files.saved_model import DENSE, MODEL, B, W, saved

h5py = pytest.importorskip("h5py")


def found(path: Path, **options: Any) -> list[Diagnostic]:
    return list(check(read_document(path), semantics="theano", **options)[1])


def only(path: Path, **options: Any) -> Diagnostic:
    (finding,) = found(path, **options)
    return finding


def test_the_sound_file_is_read(tmp_path: Path) -> None:
    model = speccompiler.load(saved(tmp_path / "m.h5"))
    assert np.array_equal(model.run(np.eye(3, dtype=np.float32)), W)


def lambda_layer() -> dict[str, Any]:
    """As Keras 1.x wrote a Lambda: marshalled byte code, here of something that would be seen."""
    code = compile("raise SystemExit('executed')", "<lambda>", "exec")
    body = marshal.dumps(code).decode("raw_unicode_escape")
    config = {"name": "l", "function": [body, None, None], "function_type": "lambda",
              "output_shape": None, "output_shape_type": "raw", "arguments": {}}  # fmt: skip
    return {"class_name": "Lambda", "config": {**config, "batch_input_shape": [None, 3]}}


@pytest.mark.parametrize("form", ["h5", "json", "text in JSON", "Python"])
def test_a_lambda_is_refused_as_code(tmp_path: Path, form: str) -> None:
    model = {"class_name": "Sequential", "config": [lambda_layer(), DENSE]}
    path = tmp_path / ("m.h5" if form == "h5" else "m.json")
    if form == "h5":
        saved(path, model=model)
    else:
        write = {"json": json.dumps, "text in JSON": lambda m: json.dumps(json.dumps(m))}
        path.write_text(write.get(form, str)(model))
    finding = next(d for d in found(path) if d.severity is Severity.ERROR)
    assert finding.code == "CS082"
    assert finding.message == (
        "Lambda holds Python code, which convspec never executes, whatever it does"
    )
    assert finding.hint == (
        "say what it computes, as an expression or as layers, for example "
        '--replace l="x / 127.5 - 1"'
    )
    assert finding.span is not None


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system ['touch executed']", "!!python/name:os.system",
     "!!python/object/new:type {}", "!!python/module:os"],
)  # fmt: skip
def test_yaml_tags_build_nothing(tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = parse_document(f"class_name: Sequential\nconfig: {tag}\n", "m.yaml")
    assert [d.code for d in document.diagnostics] == ["CS009"]
    assert not (tmp_path / "executed").exists()


def test_pickled_weights_are_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, ("raise SystemExit('a pickle was run')",))

    saved(tmp_path / "m.h5")
    np.save(tmp_path / "w.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "w.npz", d_W=np.array([Bomb()] * 6, dtype=object).reshape(3, 2), d_b=B)
    assert only(tmp_path / "m.h5", weights=tmp_path / "w.npz").code == "CS102"
    assert run(["run", str(tmp_path / "m.h5"), "--input", str(tmp_path / "w.npy")]) == 1


def test_object_arrays_in_hdf5_are_not_read(tmp_path: Path) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        del layer["d_W"]
        layer.create_dataset("d_W", (3, 2), h5py.special_dtype(vlen=np.float32))

    finding = only(saved(tmp_path / "m.h5", edit=edit))
    assert finding.code == "CS102"
    assert finding.message == (
        "tensor 'model_weights/d/d_W' has dtype object; weights are floats, integers or booleans"
    )


def test_links_out_of_the_file_are_named_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["d_W"] = W

    def external(file: Any, group: Any, layer: Any) -> None:
        del layer["d_W"]
        layer["d_W"] = h5py.ExternalLink(str(secret), "/d_W")

    finding = only(saved(tmp_path / "m.h5", edit=external))
    assert finding.code == "CS107"
    assert finding.message.startswith("'model_weights/d/d_W' is a link to '/d_W' in the file '")
    assert finding.message.endswith("; links are not followed")

    def soft(file: Any, group: Any, layer: Any) -> None:
        file.move("model_weights/d", "elsewhere")
        group["d"] = h5py.SoftLink("/elsewhere")

    finding = only(saved(tmp_path / "m.h5", edit=soft))
    assert finding.message == (
        "'model_weights/d' is a soft link to '/elsewhere'; links are not followed"
    )


def test_numbers_kept_in_another_file_are_refused(tmp_path: Path) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        del layer["d_W"]
        layer.create_dataset("d_W", (3, 2), "f4", external=[("/etc/passwd", 0, 24)])

    finding = only(saved(tmp_path / "m.h5", edit=edit))
    assert finding.code == "CS080"
    assert finding.message.endswith("tensor 'model_weights/d/d_W' keeps its data in another file")


def test_a_model_names_no_path_outside_by_its_layers(tmp_path: Path) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        group.attrs["layer_names"] = [b"../model_weights/d"]

    finding = only(saved(tmp_path / "m.h5", edit=edit))
    assert finding.code == "CS080"
    assert "there is no such group" in finding.message


def peak() -> int:
    """Most memory that this process and its ended children ever had, in MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own // (1024 if sys.platform == "linux" else 1024 * 1024)


@pytest.mark.parametrize("options", [{}, {"chunks": (1000, 1000)}, {"compression": "gzip"}])
def test_a_declared_size_takes_no_memory(tmp_path: Path, options: Any) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        del layer["d_W"]
        layer.create_dataset("d_W", (3_000_000, 1_000_000), "f4", fillvalue=1, **options)

    before = peak()
    finding = only(saved(tmp_path / "m.h5", edit=edit))
    assert finding.code == "CS080"
    assert finding.message.endswith(
        "tensor 'model_weights/d/d_W' of shape (3000000, 1000000) needs 12000000000000 bytes of "
        "float32, but 0 are stored"
    )
    assert peak() - before < 64


@pytest.mark.parametrize(
    "layer",
    [
        {**DENSE, "config": {**DENSE["config"], "output_dim": 2**31 - 1}},
        {"class_name": "UpSampling1D", "config": {"name": "u", "length": 2**31 - 1,
         "batch_input_shape": [None, 2**31 - 1, 2**31 - 1]}},
    ],
)  # fmt: skip
def test_a_huge_model_takes_no_memory(tmp_path: Path, layer: Any) -> None:
    (tmp_path / "m.json").write_text(json.dumps({**MODEL, "config": [layer]}))
    before = peak()
    found(tmp_path / "m.json")
    assert peak() - before < 64


def test_endless_attributes_are_refused(tmp_path: Path) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        layer.attrs["weight_names"] = np.zeros((300, 2), "f8")

    finding = only(saved(tmp_path / "m.h5", edit=edit))
    assert finding.message.endswith(
        "its attribute 'model_weights/d@weight_names' is neither text nor a whole number"
    )

    def counted(file: Any, group: Any, layer: Any) -> None:
        del group.attrs["layer_names"]
        group.attrs["nb_layers"] = 2**62

    finding = only(saved(tmp_path / "m.h5", edit=counted))
    assert finding.message.endswith(
        "its attribute 'nb_layers' is not a number of layers or tensors"
    )


def test_cyclic_graphs(tmp_path: Path) -> None:
    layers = [
        {"name": "a", "class_name": "Activation", "config": {"name": "a", "activation": "relu"},
         "inbound_nodes": [[["b", 0, 0]]]},
        {"name": "b", "class_name": "Activation", "config": {"name": "b", "activation": "relu"},
         "inbound_nodes": [[["a", 0, 0]]]},
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": [["a", 0, 0]],
              "output_layers": [["b", 0, 0]]}  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps({"class_name": "Model", "config": config}))
    codes = {d.code for d in found(tmp_path / "m.json")}
    assert codes & {"CS060", "CS061"}, codes


def test_groups_in_a_circle_end(tmp_path: Path) -> None:
    def edit(file: Any, group: Any, layer: Any) -> None:
        layer["loop"] = group
        layer["self"] = layer

    model = speccompiler.load(saved(tmp_path / "m.h5", edit=edit))
    assert np.array_equal(model.run(np.eye(3, dtype=np.float32)), W)


def test_name_collisions(tmp_path: Path) -> None:
    twice = {**MODEL, "config": [DENSE, {"class_name": "Dense",
             "config": {"name": "d", "output_dim": 1}}]}  # fmt: skip
    assert [d.code for d in found(saved(tmp_path / "m.h5", model=twice))] == ["CS029"]

    def layers(file: Any, group: Any, layer: Any) -> None:
        group.attrs["layer_names"] = [b"d", b"d"]

    assert "it lists the layer 'd' twice" in only(saved(tmp_path / "m.h5", edit=layers)).message

    def tensors(file: Any, group: Any, layer: Any) -> None:
        layer.attrs["weight_names"] = [b"d_W", b"d_W"]

    assert "it lists the tensor 'd_W' twice" in only(saved(tmp_path / "m.h5", edit=tensors)).message


def test_missing_tensors_and_wrong_shapes(tmp_path: Path) -> None:
    def missing(file: Any, group: Any, layer: Any) -> None:
        del layer["d_b"]

    finding = only(saved(tmp_path / "m.h5", edit=missing))
    assert finding.message.endswith(
        "it lists the tensor 'model_weights/d/d_b', and there is no such dataset"
    )

    def unlisted(file: Any, group: Any, layer: Any) -> None:
        del layer["d_b"]
        layer.attrs["weight_names"] = [b"d_W"]

    finding = only(saved(tmp_path / "m.h5", edit=unlisted))
    assert finding.code == "CS105"
    assert finding.message.startswith("missing from the saved model: d/b (2,); nor does the order")

    def shape(file: Any, group: Any, layer: Any) -> None:
        del layer["d_W"]
        layer["d_W"] = W.T

    finding = only(saved(tmp_path / "m.h5", edit=shape))
    assert finding.code == "CS106"
    assert finding.message == "wrong shapes: d/W is stored as (2, 3), expected (3, 2)"


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\0" * 5000]
)
def test_stubs(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(content)
    codes = [d.code for d in read_document(path).diagnostics]
    assert codes == ["CS080"]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_any_text_as_a_model_config(text: str) -> None:
    from speccompiler.source.json_layout import laid_out

    document = parse_document(laid_out(text), "m.json")
    check(document)


KEYS = '{"class_name": "Sequential", "config": ['
LONG = 200_000
TEXTS = {
    "spaces in YAML": ("'" + KEYS + " " * LONG + "'", "m.yaml", "CS003"),
    "spaces, quoted": ('"class_name' + " " * LONG + '"', "m.yaml", "CS020"),
    "many texts": (json.dumps([f"{KEYS}1]" for _ in range(20_000)]), "m.json", "CS073"),
    "many texts in YAML": ("- x class_name:Sequential aaaaaaaaaaaaaaaaaaaa\n" * 20_000, "m.yaml",
                           "CS020"),
    "names of characters": ("'class_name" + "\\N{" * LONG + "'", "m.txt", "CS020"),
    "digits": ("['class_name', " + "1" * LONG + "]", "m.txt", "CS013"),
    "literals": ("['class_name'" + " ''" * LONG + "]", "m.txt", "CS003"),
    "brackets": ("['class_name', " + "[" * LONG, "m.txt", "CS006"),
    "calls": ("['class_name', " + "array(" * LONG, "m.txt", "CS003"),
    "empty lines": ("\n" * LONG + "x: Graph", "m.json", "CS003"),
    "printed lines": ("Using x\n" * LONG + "Graph", "m.json", "CS003"),
    "backslashes": ('"class_name' + "\\\\" * LONG + '"', "m.json", "CS020"),
}  # fmt: skip


@pytest.mark.parametrize("form", TEXTS)
def test_texts_in_texts_end_in_a_finding(form: str) -> None:
    """Each would take minutes where a run of characters is gone over again and again."""
    text, name, code = TEXTS[form]
    model, diagnostics = check(parse_document(text, name))
    assert model is None
    assert diagnostics[0].code == code
