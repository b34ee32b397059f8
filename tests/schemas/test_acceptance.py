"""What is accepted without pydantic is what pydantic accepts, value by value."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from speccompiler.schemas.constraint import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from speccompiler.schemas.core import Flatten
from speccompiler.schemas.declaring import Mismatch, Unaccepted
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.judgement import judged, pydantic_model
from speccompiler.schemas.merge import Shared
from speccompiler.schemas.model import ModelHeader, SemanticsFields
from speccompiler.schemas.recorded_arrays import Vectors
from speccompiler.schemas.registry import LAYERS
from speccompiler.schemas.regularizer import L1AndL2Regularizer, L1L2Regularizer, L2Regularizer
from speccompiler.schemas.resizing import Padding1D, Padding2D
from speccompiler.schemas.schema import Schema
from speccompiler.schemas.training import Unknown
from speccompiler.schemas.wrapped_model import WrapperHeader
from tests.schemas.test_schemas import LEAST

SCHEMAS: dict[str, type[Schema]] = {
    schema.__name__: schema
    for schema in (
        *LAYERS.values(),
        *(ModelHeader, WrapperHeader, SemanticsFields, Shared, Vectors, ScaledInitializer),
        *(L1L2Regularizer, L2Regularizer, L1AndL2Regularizer, Padding1D, Padding2D),
        *(MaxNorm, NonNeg, UnitNorm, MinMaxNorm),
    )
}


class Whole(int):
    """A number that is not plainly an int."""


NUMBERS = (
    *(0, 1, -1, 2, 3, 4, 5, 16, 17, 2**31 - 1, 2**31, -(2**31), 2**63, 10**400),
    *(0.0, 1.0, -0.5, 0.5, 1.5, 1e-4, 1e40, math.inf, -math.inf, math.nan),
)
TEXTS = (
    *("", " ", "\t", "a", "1", "true", "\ud800", "a\ud800b", "é", "same", "valid", "full", "th"),
    *("tf", "default", "relu", "softmax", "glorot_uniform", "zero", "one", "l1", "l2", "l1l2"),
    *("maxnorm", "UnitNorm", "sum", "dot", "raw", "float32", "theano", "tensorflow", "nearest"),
    *("variance", "correlate", "file.npz#a/W", "0" * 64, "0" * 64 + "\n", "0" * 63),
)
MAPPINGS: tuple[dict[Any, Any], ...] = (
    *({}, {"a": 1}, {1: 2}, {"expr": "x"}, {"expr": 1}, {"profile": "theano"}, {"profile": 1}),
    *({"name": "l2"}, {"name": "l2", "l": 0.5}, {"name": "l2", "l": -1}, {"name": "nobody"}),
    *({"name": "uniform", "scale": 1}, {"name": "MaxNorm", "m": 2, "axis": [0, 1]}),
    {"class_name": "L1L2Regularizer", "config": {"l1": 0.0, "l2": 1}},
    *({"left_pad": 1}, {"top_pad": 1, "left_pad": 2}, {"a": [1, 2]}, {"a": "file.npy"}),
    *({"input": "a.npy"}, {"input": [[1.0]], "tolerance": 0.5}, {"a": {"type": "Dense"}}),
)
LISTS: tuple[list[Any], ...] = (
    *([], [1], [0], [-1], [1, 1], [2, 1], [0, 0], [1, 2, 3], [1, 2, 3, 4], [None, 3, 3, 1]),
    *([1, None], [None, None], [True, True], [1.0, 2.0], ["a"], ["a", "b"], [" "], [[1, 1]]),
    *([[0, 0], [1, 1]], [[1, 1], [1, 1], [1, 1]], [[1.0, 2.0], [3.0]], ["a.npy", [1.0]], [{}]),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, *NUMBERS, *TEXTS, *MAPPINGS, *LISTS, *map(tuple, LISTS)),
    *(b"a", Unknown("found", "why"), SemanticsFields(), Padding1D(), Padding2D(left_pad=2)),
    *(NonNeg(name="nonneg"), L2Regularizer(name="l2"), Flatten(type="Flatten")),
)


def least(schema: type[Schema]) -> dict[str, Any]:
    """What a schema needs, with some value."""
    if issubclass(schema, ModelHeader):
        return {"convspec": 1} | ({"model": "a.h5"} if schema is WrapperHeader else {})
    if schema is Vectors:
        return {"input": "a.npy"}
    found = {"layer": Flatten(type="Flatten")} if schema is LAYERS["TimeDistributed"] else {}
    found |= {"layer": "a"} if schema is Shared else {}
    given = {**LEAST.get(schema.__name__, {}), **found}
    for name, field in schema.model_fields.items():
        if field.is_required() and name in {"type", "name"}:
            given[name] = next(iter(field.annotation.__args__))
    return given


def given(schema: type[Schema]) -> Iterator[dict[str, Any]]:
    """The least, with each value for each field, and without each key; keys that are unknown."""
    start = least(schema)
    yield start
    yield {**start, "nobody": 1}
    yield {**start, 1: 1}  # type: ignore[dict-item]
    for name in start:
        yield {key: value for key, value in start.items() if key != name}
    for name in schema.model_fields:
        for value in VALUES:
            yield {**start, name: value}


def told(values: Any) -> str:
    """Everything about values, their types included: 1 == 1.0 == True."""
    return repr(values)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_is_accepted_as_by_pydantic(name: str) -> None:
    schema = SCHEMAS[name]
    accepted = 0
    for data in given(schema):
        try:
            wanted: str | None = told(judged(schema, data)[0])
        except Mismatch:
            wanted = None
        try:
            found = told({n: getattr(schema.accepted(data), n) for n in schema.model_fields})
        except Unaccepted:
            assert wanted is None, data
            continue
        assert found == wanted, data
        accepted += 1
    assert accepted > 0


def test_pydantic_judges_what_is_not_plain() -> None:
    with pytest.raises(Unaccepted):
        Padding1D.accepted({"left_pad": Whole(2)})
    assert Padding1D.model_validate({"left_pad": Whole(2)}) == Padding1D(left_pad=2)
    header = ModelHeader.model_validate(
        {"convspec": 1, "seed": Whole(3), "semantics": {"kernel": "convolve"}}
    )
    assert header.semantics == SemanticsFields(kernel="convolve")
    assert isinstance(header.semantics, SemanticsFields)
    assert header.model_fields_set == {"convspec", "seed", "semantics"}


def test_a_mistake_has_the_words_of_pydantic() -> None:
    from pydantic import ValidationError

    with pytest.raises(Mismatch) as caught:
        Padding1D(left_pad=-1)
    with pytest.raises(ValidationError) as wanted:
        pydantic_model(Padding1D).model_validate({"left_pad": -1})
    assert str(caught.value) == str(wanted.value)
    assert caught.value.errors() == wanted.value.errors(include_url=False)


def test_a_record_is_a_value() -> None:
    one = L2Regularizer(name="l2")
    assert one == L2Regularizer(name="l2", l=0.01)
    assert hash(one) == hash(L2Regularizer(name="l2", l=0.01))
    assert one != L2Regularizer(name="l2", l=1.0)
    assert one.model_fields_set == {"name"}
    assert one.model_copy(update={"l": 1.0}).model_fields_set == {"name", "l"}
    assert repr(one) == "L2Regularizer(name='l2', l=0.01)"
    for change in (lambda: setattr(one, "l", 1.0), lambda: delattr(one, "l")):
        with pytest.raises(AttributeError, match="L2Regularizer is immutable"):
            change()


def test_a_default_belongs_to_nobody() -> None:
    first = Vectors(input="a.npy")
    first.layers["c1"] = "b.npy"
    assert Vectors(input="a.npy").layers == {}
    merge = LAYERS["Merge"]
    fields = [merge.model_validate({"type": "Merge"}).arguments for _ in range(2)]
    assert fields[0] is not fields[1]


def test_what_is_right_needs_no_pydantic() -> None:
    code = (
        "import sys\n"
        "from speccompiler.schemas.registry import LAYERS\n"
        "layer = {'type': 'Convolution2D', 'nb_filter': 2, 'nb_row': 3, 'nb_col': 3,\n"
        "         'subsample': [1, 2], 'W_regularizer': {'name': 'l2', 'l': 1},\n"
        "         'W_constraint': 'maxnorm', 'activation': 'relu'}\n"
        "LAYERS['Convolution2D'].model_validate(layer)\n"
        "print(*sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pydantic", "pydantic_core"} & set(out.stdout.split()) == set()
