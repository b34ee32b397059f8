"""What Keras gave, on the simulated GPU: its own numbers, not those of the reference.

The conformance tests of all three collections, with the simulated GPU as their target. Of the
cases those that say something of a layer which none before them says; the rest with ``-m slow``,
in a few minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from speccompiler.kernels.cuda.runtime import tuning
from speccompiler.planning import batch_size
from tests import test_conformance as keras1
from tests import test_conformance_keras2 as keras2
from tests import test_conformance_recurrent as recurrent
from tests.kernels.cuda.simulated.on_simulator import TINY


@pytest.fixture(autouse=True)
def _simulated_target(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (keras1, recurrent, keras2):
        monkeypatch.setattr(module, "TARGETS", ("cuda",))
    monkeypatch.setattr(tuning, "remembered", lambda device: lambda geometry, samples: TINY)
    # Memory for the samples of a case, not for those that would fill a GPU.
    monkeypatch.setattr(batch_size, "gpu_batch_size", lambda plan: 8)


def said(layer: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Each argument of a layer, and its value where that is a word."""
    name, arguments = layer
    yield (name,)
    for argument, value in arguments.items():
        if argument == "layer":
            yield name, value[0]
            yield from said(value)
        else:
            yield name, argument, value if isinstance(value, str | bool) else ()


def said_by(golden: Any) -> set[Any]:
    """What a case says of its layers; of a model of several inputs its name."""
    meta = golden.meta
    layers = meta.get("layers") or [meta.get("layer")]
    if not isinstance(layers[0], list):
        return {meta["case"]}
    return {fact for layer in layers for fact in said(layer)}


def divided(found: list[Any]) -> list[Any]:
    """The cases as parameters; those that say nothing new are slow."""
    known: set[Any] = set()
    made = []
    for param in found:
        (golden,) = param.values
        new = not said_by(golden) <= known
        known |= said_by(golden)
        made.append(param if new else pytest.param(golden, id=param.id, marks=pytest.mark.slow))
    return made


def distinct(found: list[Any]) -> list[Any]:
    """Every case once, where the whole collection has what the repository holds too."""
    first: dict[str, Any] = {}
    for param in found:
        first.setdefault(str(param.id).removeprefix("own-"), param)
    return list(first.values())


OF_KERAS_1 = divided(distinct(keras1.params([*keras1.SOUND, *keras1.OLDER])))


@pytest.mark.parametrize("golden", OF_KERAS_1)
def test_keras_1(golden: keras1.Golden) -> None:
    keras1.assert_outputs(golden, golden.load())


@pytest.mark.parametrize("golden", distinct(keras1.params(keras1.DEGENERATE)))
def test_where_keras_itself_fails(golden: keras1.Golden) -> None:
    keras1.test_where_keras_itself_fails(golden, "cuda")


@pytest.mark.slow
@pytest.mark.parametrize("golden", distinct(keras1.params(keras1.SKIPPING)))
def test_old_tensorflow_skips_inputs(golden: keras1.Golden) -> None:
    keras1.test_old_tensorflow_skips_inputs(golden)


@pytest.mark.parametrize("golden", divided(distinct(recurrent.params(recurrent.FOUND))))
def test_recurrent(golden: recurrent.Golden, tmp_path: Path) -> None:
    recurrent.assert_outputs(golden, golden.load(tmp_path))


@pytest.mark.parametrize("golden", divided(distinct(recurrent.params(recurrent.STATEFUL))))
def test_further_calls_of_recurrent(golden: recurrent.Golden, tmp_path: Path) -> None:
    recurrent.test_further_calls_go_on_from_the_state(golden, tmp_path)


@pytest.mark.parametrize("golden", divided(distinct(keras2.cases())))
def test_keras_2_and_3(golden: keras2.Golden) -> None:
    keras2.test_output_is_what_keras_gave(golden)


@pytest.mark.parametrize("golden", divided(distinct(keras2.STATEFUL)))
def test_further_calls_of_keras_2_and_3(golden: keras2.Golden) -> None:
    keras2.test_further_calls_go_on_from_the_state(golden)
