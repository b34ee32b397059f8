"""``convspec compile``."""

from __future__ import annotations

import json

import pytest

from speccompiler.kernels.cpu import library, plain_copy, softmax
from speccompiler.kernels.cpu.runtime import kernel_cache
from speccompiler.system import cache
from speccompiler.system.cache import entries
from tests.cli.calling import Call, write

FLATTENED = """\
convspec: 1
dim_ordering: tf
input_shape: [null, 8, 1]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}
  - {type: Flatten}
  - {type: Dense, output_dim: 2}
"""


def test_a_model_that_fits_no_open_length_is_compiled_for_a_shape(call: Call) -> None:
    write("model.yaml", FLATTENED)
    refused = call("compile", "model.yaml")
    assert refused.status == 1
    assert "error CS" in refused.err
    done = call("compile", "model.yaml", "--input-shape", "8,8,1", "--format", "json")
    assert done.status == 0, done
    assert sorted(json.loads(done.out)) == ["folder", "made", "seconds"]


def test_the_whole_library(call: Call, own_cache, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (("copy", plain_copy.source(8)), ("softmax", softmax.source(8)))
    monkeypatch.setattr(library, "library", lambda lanes: texts)
    kernel_cache._loaded.cache_clear()
    done = call("compile", "--all")
    assert done.status == 0, done
    assert done.out.startswith("kernels: 2 compiled in ")
    assert done.out.endswith(f", 0 were there; kept in {own_cache}\n")
    # No bar where there is no terminal.
    assert done.err == "compiling 2 kernels\ncompiled 2 of 2 kernels\n"
    names = [entry.name for entry in entries() if entry.kind == "kernels"]
    assert sorted(name.split("_")[1] for name in names) == ["copy", "library", "softmax"]
    again = call("compile", "--all")
    assert (again.out, again.err) == ("kernels: all 2 were there\n", "")
    assert call("cache", "--clear").status == 0
    kernel_cache._loaded.cache_clear()
    cache._folder.cache_clear()
    anew = json.loads(call("compile", "--all", "--format", "json").out)
    assert sorted(made["name"].split("_")[1] for made in anew["made"]) == ["copy", "softmax"]


def test_a_model_or_the_library(call: Call) -> None:
    for arguments, message in (
        ((), "name a model, or say --all"),
        (("model.yaml", "--all"), "--all compiles the kernels of all models: name none beside it"),
    ):
        refused = call("compile", *arguments)
        assert refused.status == 2
        assert f"Error: {message}\n" in refused.err


@pytest.mark.parametrize("arguments", [("doctor",), ("compile", "--all"), ("compile", "m.yaml")])
def test_a_wrong_instruction_set(call: Call, monkeypatch: pytest.MonkeyPatch, arguments) -> None:
    monkeypatch.setenv("CONVSPEC_ISA", "pentium")
    write("m.yaml")
    refused = call(*arguments)
    assert refused.status == 2
    message = "CONVSPEC_ISA: error CS136: 'pentium' is no level of this architecture\n"
    assert message in refused.err
