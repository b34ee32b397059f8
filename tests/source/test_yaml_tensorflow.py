"""Python objects that tf.keras and Keras 2 wrote into YAML: data is taken out, nothing is run."""

from __future__ import annotations

import pytest

from speccompiler.source.texts import parse_document
from speccompiler.source.tree import find, to_data

LIST = "!!python/object/new:tensorflow.python.training.tracking.data_structures._ListWrapper"
ARRAY = """\
!!python/object/apply:numpy.core.multiarray._reconstruct
        args:
        - &c !!python/name:numpy.ndarray ''
        - !!python/tuple [0]
        - !!binary |
          Yg==
        state: !!python/tuple
        - 1
        - !!python/tuple []
        - &t !!python/object/apply:numpy.dtype
          args: [f4, 0, 1]
          state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
        - false
        - !!binary |
          AADAQA==
"""
AGAIN = """\
!!python/object/apply:numpy.core.multiarray._reconstruct
        args: [*c, !!python/tuple [0], !!binary Yg==]
        state: !!python/tuple [1, !!python/tuple [], *t, false, !!binary AACAPw==]
"""


def model(*values: str) -> str:
    lines = "".join(f"      k{n}: {value.rstrip()}\n" for n, value in enumerate(values))
    return f"class_name: Sequential\nconfig:\n- class_name: A\n  config:\n{lines}"


def values(*written: str) -> object:
    document = parse_document(model(*written), "m.yaml")
    assert document.diagnostics == ()
    assert document.root is not None
    found = find(document.root, ("config", 0, "config"))
    assert found is not None
    return to_data(found)


def listed(items: str, state: str = "{_storage: [3], _self_trainable: true}") -> str:
    return f"{LIST}\n        listitems: {items}\n        state: {state}"


def test_a_list_of_tensorflows_is_its_items() -> None:
    assert values(listed("[3]"), listed("[1, 2]")) == {"k0": [3], "k1": [1, 2]}
    assert values(listed("[3]").replace("_ListWrapper", "ListWrapper")) == {"k0": [3]}
    assert values(LIST + "\n        listitems: []") == {"k0": []}


def test_an_array_without_axes_is_its_number() -> None:
    assert values(ARRAY, AGAIN, ARRAY) == {"k0": 6.0, "k1": 1.0, "k2": 6.0}


OTHERS = [
    listed("[3]", "{a: &x 1}"),
    listed("[3]", "1").replace("state", "dictitems"),
    listed("3"),
    listed("!!python/tuple [3]"),
    f"{LIST} {{listitems: [3], listitems: [4]}}",
    listed("[3]").replace("tensorflow.python.training", "os.python.training"),
    listed("[!!python/object/apply:os.system [x]]"),
    ARRAY.replace("Yg==", "Yw=="),
    ARRAY.replace("tuple [0]", "tuple [1]"),
    ARRAY.replace("tuple []", "tuple [2]"),
    ARRAY.replace("numpy.ndarray", "os.system"),
    ARRAY.replace("false", "true"),
    ARRAY.replace("AADAQA==", "AADA"),
    AGAIN,
]


@pytest.mark.parametrize("other", OTHERS)
def test_whatever_differs_is_refused(other: str) -> None:
    document = parse_document(model(other), "m.yaml")
    assert document.root is None
    assert {d.code for d in document.diagnostics} <= {"CS003", "CS004", "CS009"}
