"""``convspec diff --weights`` and ``--input``: values of weights, outputs of layers."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pytest
from safetensors.numpy import save_file

from speccompiler.reports.shipped_schemas import schema
from tests.cli.calling import Call, write

MODEL = """\
convspec: 1
dim_ordering: tf
input_shape: [4, 4, 1]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}
  - {type: Flatten, name: flat}
  - {type: Dense, name: fc, output_dim: 2}
"""
W = np.arange(18, dtype=np.float32).reshape(3, 3, 1, 2)
B = np.array([0.5, -1.0], np.float32)
FC = np.arange(16, dtype=np.float32).reshape(8, 2) / 8


def tensors(layer: str = "conv", fc: str = "fc") -> dict[str, np.ndarray]:
    return {
        f"{layer}/W": W.copy(),
        f"{layer}/b": B.copy(),
        f"{fc}/W": FC.copy(),
        f"{fc}/b": np.zeros(2, np.float32),
    }


def save(name: str, **changed: np.ndarray) -> str:
    kept = tensors() | {key.replace("__", "/"): value for key, value in changed.items()}
    np.savez(name, **{k: v for k, v in kept.items() if v.size})
    return name


@pytest.fixture(autouse=True)
def no_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def test_equal_files(call: Call) -> None:
    save("a.npz")
    save("b.npz")
    result = call("diff", "a.npz", "b.npz")
    assert (result.status, result.out) == (0, "a.npz -> b.npz\n\n4 tensors: 4 equal\n")


def test_each_tensor_says_how_far_it_is_off(call: Call) -> None:
    save("a.npz", old__W=np.ones((2, 3), np.float32), same__n=np.array([np.nan, 1], np.float32))
    other = W.copy()
    other[1, 2, 0, 1] += 2  # of at most 17
    other[0, 0, 0, 0] -= 0.5
    save(
        "b.npz",
        conv__W=other,
        conv__b=np.array([np.nan, -1], np.float32),
        fc__b=np.zeros(3, np.float32),
        new__W=np.ones((4,), np.float32),
        same__n=np.array([np.nan, 1], np.float32),
    )
    result = call("diff", "--weights", "a.npz", "b.npz")
    assert result.status == 1
    assert [line.rstrip() for line in result.out.splitlines()] == [
        "a.npz -> b.npz",
        "",
        "tensor    shape           largest difference    relative    values that differ     NaN",
        "--------  ------------  --------------------  ----------  --------------------  ------",
        "conv/W    (3, 3, 1, 2)                     2     1.2e-01               2 of 18",
        "conv/b    (2,)                           inf         inf                1 of 2  0 -> 1",
        "fc/b      (2,) -> (3,)      of another shape",
        "old/W     (2, 3)                     removed",
        "same/n    (2,)                             0     0.0e+00                0 of 2       1",
        "new/W     (4,)                         added",
        "",
        "7 tensors: 2 equal, 2 different, 1 of another shape, 1 removed, 1 added",
    ]


def test_a_tolerance_is_a_part_of_the_largest_value(call: Call) -> None:
    save("a.npz")
    save("b.npz", conv__W=W + np.float32(0.01))  # 0.01 of 17
    assert call("diff", "a.npz", "b.npz").status == 1
    assert call("diff", "--weights", "a.npz", "b.npz", "--tolerance", "5e-4").status == 1
    result = call("diff", "--weights", "a.npz", "b.npz", "--tolerance", "7e-4")
    assert result.status == 0
    assert result.out.endswith("4 tensors: 4 equal\n")
    assert call("diff", "a.npz", "b.npz", "--fail-on", "none").status == 0


def test_infinities(call: Call) -> None:
    np.savez("a.npz", w=np.array([np.inf, -np.inf, np.inf, 1], np.float32))
    np.savez("b.npz", w=np.array([np.inf, np.inf, 1, 1], np.float32))
    data = json.loads(call("diff", "a.npz", "b.npz", "--format", "json").out)
    (tensor,) = data["tensors"]
    assert (tensor["differing"], tensor["largest_difference"], tensor["scale"]) == (
        2,
        "infinity",
        1,
    )


def test_kinds_of_files_mix(call: Call) -> None:
    save("a.npz")
    save_file(tensors(), "b.safetensors")
    with h5py.File("c.h5", "w") as file:
        for name, value in tensors().items():
            file[name] = value.astype(np.float64)
    for other in ("b.safetensors", "c.h5"):
        result = call("diff", "a.npz", other)
        assert result.status == 0, result
        assert result.out == f"a.npz -> {other}\n\n4 tensors: 4 equal\n"


def test_weights_of_models_find_each_other_by_their_layers(call: Call) -> None:
    write("a.yaml", MODEL + "weights: a.npz\n")
    save("a.npz")
    write("b.yaml", MODEL.replace("name: fc", "name: head") + "weights: b.npz\n")
    np.savez("b.npz", **{**tensors(fc="head"), "head/W": FC * np.float32(1.5)})
    result = call("diff", "--weights", "a.yaml", "b.yaml")
    assert result.status == 1
    # The largest of fc/W is 15/8; half of it is the largest difference.
    assert result.out.splitlines()[4:] == [
        "fc/W -> head/W  (8, 2)                  0.938     5.0e-01              15 of 16",
        "",
        "4 tensors: 3 equal, 1 different",
    ]


def test_a_file_with_other_weights_for_a_model(call: Call) -> None:
    write("a.yaml", MODEL + "weights: a.npz\n")
    save("a.npz")
    save("b.npz", conv__b=B + 1)
    result = call("diff", "--weights", "a.yaml", "b.npz")
    assert result.status == 1
    assert result.out.splitlines()[0] == "a.yaml -> b.npz"
    assert result.out.endswith("4 tensors: 3 equal, 1 different\n")
    again = call("diff", "--weights", "a.yaml", "a.yaml", "--new-weights", "b.npz")
    assert again.out.splitlines()[1:] == result.out.splitlines()[1:]
    assert call("diff", "--weights", "b.npz", "a.yaml").out.splitlines()[0] == "b.npz -> a.yaml"


def test_drawn_weights_are_compared_too(call: Call) -> None:
    write("a.yaml", MODEL + "seed: 1\n")
    write("b.yaml", MODEL + "seed: 2\n")
    result = call("diff", "--weights", "a.yaml", "b.yaml")
    assert result.status == 1
    assert result.out.endswith("4 tensors: 2 equal, 2 different\n")  # biases are 0


def test_outputs_name_the_first_layer_that_differs(call: Call) -> None:
    write("a.yaml", MODEL + "weights: a.npz\n")
    write(
        "b.yaml", MODEL.replace("nb_col: 3}", "nb_col: 3, activation: relu}") + "weights: a.npz\n"
    )
    # Kernel values of 1 and -1: the output of filter 1 is minus the sum of 9 ones.
    kernel = np.ones((3, 3, 1, 2), np.float32)
    kernel[..., 1] = -1
    save("a.npz", conv__W=kernel, conv__b=np.zeros(2, np.float32))
    np.save("x.npy", np.ones((3, 4, 4, 1), np.float32))
    result = call("diff", "a.yaml", "b.yaml", "--input", "x.npy")
    assert result.status == 1
    lines = result.out.splitlines()
    assert [line.rstrip() for line in lines[2:6]] == [
        "layer    shape        largest difference    relative    values that differ",
        "-------  ---------  --------------------  ----------  --------------------",
        "conv     (2, 2, 2)                     9     1.0e+00                    12",
        "flat     (8,)                          9     1.0e+00                    12",
    ]
    assert lines[8] == (
        "first to differ: layer 'conv', 12 of 24 values, by up to 9; first sample 0 at (0, 0, 1): "
        "0 instead of -9"
    )
    assert lines[9].startswith("  activation none -> relu")


def test_equal_outputs(call: Call) -> None:
    write("a.yaml", MODEL + "weights: a.npz\n")
    write("b.yaml", MODEL.replace("name: fc", "name: head") + "weights: b.npz\n")
    save("a.npz")
    np.savez("b.npz", **tensors(fc="head"))
    np.save("x.npy", np.ones((2, 4, 4, 1), np.float32))
    result = call("diff", "a.yaml", "b.yaml", "--input", "x.npy")
    assert result.status == 0
    assert result.out.endswith("equal in all 3 layers that both have\n")
    assert "fc -> head" in result.out


def test_an_inserted_layer_shows_in_those_after_it(call: Call) -> None:
    write("a.yaml", MODEL + "weights: a.npz\n")
    scaled = MODEL.replace(
        "  - {type: Flatten", "  - {type: Activation, name: act, activation: {expr: 2 * x}}\n"
        "  - {type: Flatten"
    )  # fmt: skip
    write("b.yaml", scaled + "weights: a.npz\n")
    save("a.npz")
    np.save("x.npy", np.ones((2, 4, 4, 1), np.float32))
    data = json.loads(call("diff", "a.yaml", "b.yaml", "--input", "x.npy", "--format", "json").out)
    assert data["first"] == "flat"
    assert [layer["equal"] for layer in data["layers"]] == [True, False, False]
    # Twice the values: the largest difference is the largest value.
    assert data["layers"][1]["relative_difference"] == 1
    jsonschema.validate(data, schema("diff-input"), cls=jsonschema.Draft202012Validator)


def test_batches_are_put_together(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from speccompiler.running import output_differences

    write("a.yaml", MODEL + "weights: a.npz\n")
    save("a.npz")
    save("b.npz", fc__b=np.array([0, 1], np.float32))
    np.save("x.npy", np.arange(7 * 16, dtype=np.float32).reshape(7, 4, 4, 1))
    whole = call("diff", "a.yaml", "b.npz", "--input", "x.npy", "--format", "json")
    monkeypatch.setattr(output_differences, "MOST_BYTES", 200)  # one sample at a time
    parts = call("diff", "a.yaml", "b.npz", "--input", "x.npy", "--format", "json")
    assert json.loads(parts.out) == json.loads(whole.out)


def test_two_tensors_are_in_memory_at_a_time(call: Call) -> None:
    size = 4 << 20
    for name, value in (("a", 0), ("b", 1)):
        np.savez(
            f"{name}.npz", **{f"t{n}": np.full(size // 4, value, np.float32) for n in range(12)}
        )
    tracemalloc.start()
    assert call("diff", "a.npz", "b.npz").out.endswith("12 tensors: 12 different\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Of 96 MiB there are two tensors, as they are read and as float64.
    assert peak < 60 << 20


def test_weights_as_data(call: Call) -> None:
    save("a.npz")
    save("b.npz", conv__b=B + 1, fc__b=np.zeros(3, np.float32))
    result = call("diff", "a.npz", "b.npz", "--format", "json", "-o", "out.json")
    assert result.out == "4 tensors: 2 equal, 1 different, 1 of another shape\n"
    data = json.loads(Path("out.json").read_text())
    jsonschema.validate(data, schema("diff-weights"), cls=jsonschema.Draft202012Validator)
    assert data["equal"] is False
    assert data["tensors"][1] == {
        "state": "different",
        "old": "conv/b",
        "new": "conv/b",
        "old_shape": [2],
        "new_shape": [2],
        "largest_difference": 1.0,
        "relative_difference": 1.0,
        "scale": 1.0,
        "differing": 2,
        "count": 2,
        "old_nan": 0,
        "new_nan": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "--weights a.yaml b.yaml --format sarif",
            "Error: --weights and --input are for --format text and json\n",
        ),
        (
            "--weights --input x.npy a.yaml b.yaml",
            "Error: --weights and --input are two comparisons; ask for one at a time\n",
        ),
        (
            "--weights a.npz a.npz --old-weights a.npz",
            "Error: 'a.npz' is a weight file, and --old-weights names another\n",
        ),
        (
            "--input x.npy a.npz a.npz",
            "Error: --input needs models, and both names are those of weights\n",
        ),
        (
            "a.yaml b.yaml --old-weights a.npz",
            "Error: --old-weights and --new-weights are for --weights and --input\n",
        ),
        ("a.yaml b.yaml --tolerance 1", "Error: --tolerance is for --weights and --input\n"),
        (
            "--weights a.npz a.npz --tolerance nan",
            "Error: Invalid value for '--tolerance': nan is not a finite number\n",
        ),
        (
            "--weights folder folder",
            "Error: --weights and --input compare two files, OLD and NEW\n",
        ),
        (
            "--weights --git main",
            "Error: --weights and --input compare two files, OLD and NEW\n",
        ),
        (
            "--weights a.yaml b.yaml",
            "a.yaml: error CS095: no weights for 'conv/W', 'conv/b', 'fc/W', 'fc/b'\n"
            "  hint: give --old-weights FILE and --new-weights FILE, or --seed N to draw them at "
            "random by each layer's init\n",
        ),
        (
            "--input x.npy --seed 1 a.yaml b.yaml",
            "x.npy: error CS110: the file does not exist\n",
        ),
        (
            "--input y=x.npy --seed 1 a.yaml two.yaml",
            "Error: --input y=x.npy: write NAME=FILE once for each of a, b\n",
        ),
        (
            "--input x.npy --input y.npy --seed 1 a.yaml b.yaml",
            "Error: --input is given 2 times, and the model has one input: 'conv'\n",
        ),
        (
            "--weights --seed 1 a.yaml b.yaml --fail-on params>3%",
            "Error: with --weights and --input a difference fails, or nothing: --fail-on breaking "
            "or none\n",
        ),
        (
            "a.npz gone.npz",
            "gone.npz: error CS100: cannot read weight file 'gone.npz': no such file\n",
        ),
        (
            "a.yaml a.npz",
            "Error: 'a.npz' is a weight file; to compare weights: convspec diff --weights a.yaml "
            "a.npz\n",
        ),
    ],
)
def test_what_cannot_be_compared(call: Call, arguments: str, said: str) -> None:
    write("a.yaml", MODEL)
    write("b.yaml", MODEL)
    write("folder/a.yaml", MODEL)
    two = "convspec: 1\ninputs: {a: [2], b: [2]}\nlayers:\n  - {type: Merge, inputs: [a, b]}\n"
    write("two.yaml", two)
    save("a.npz")
    result = call("diff", *arguments.split())
    assert result.status == 2
    assert said in result.err
