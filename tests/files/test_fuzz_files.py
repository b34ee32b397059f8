"""Damaged files of every kind: each ends in findings, never in a traceback, and soon.

Real files are mutated byte by byte and token by token. In the ordinary run every token is put
into some file once, and a few files are damaged at random; ``CONVSPEC_FUZZ_SECONDS`` gives each
kind of file that long (``make fuzz``).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files import hdf5_worker
from speccompiler.model import check
from speccompiler.source.document import Document
from speccompiler.source.files import decode_document, read_document
from speccompiler.weights.files.weight_file import open_weights
from tests.counting import calls
from tests.places import GOLDEN, OWN_GOLDEN

h5py = pytest.importorskip("h5py")

SECONDS = float(os.environ.get("CONVSPEC_FUZZ_SECONDS", "0"))
LONG = SECONDS > 0
MOST_CALLS = 5_000_000
"""The most calls of functions for one small file."""
EXAMPLES = settings(
    max_examples=100 if LONG else 25,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
TOKENS = [
    b"null", b"true", b"-1", b"0", b"1e999", b"1e-999", b"99999999999999999999", b"0.5", b'""',
    b"[]", b"{}", b"[[]]", b'{"a": 1}', b'"Lambda"', b'"th"', b'"same"', b"[null, 0, -3]", b",",
    b":", b"\n", b"  ", b"- ", b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system ['x']",
    b"!!python/tuple [1, 2]", b"!!binary aGVsbG8=", b"\x00", b"\xff\xfe", b"\xe2\x80\xa8", b"? ",
    b"--- ", b"%YAML 9.9\n", b"# ", b'"\\ud800"', b"\t", b"{" * 70, b"[" * 70, b"2147483647",
]  # fmt: skip


OLD_TOKENS = [b'"Graph"', b'"Siamese"', b'"Merge"', b'"stack_size": 3,', b'"axis": null,', b'"cos"',
              b'"inputs": ["a"],', b'"ndim": 99999,', b'"p": 0.5,', b'"Sequential"']  # fmt: skip


class Clock:
    """A budget of seconds for one test."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def spend(self, run: Callable[[], None]) -> None:
        """One round of examples, and more until the time is over."""
        run()
        while time.monotonic() < self._end:
            run()


def seeds(pattern: str) -> list[bytes]:
    """Small real files, the repository's own first."""
    found = [p.read_bytes() for root in (OWN_GOLDEN, GOLDEN) for p in sorted(root.glob(pattern))]
    return [data for data in dict.fromkeys(found) if len(data) < 20_000]


def mutated(data: st.DataObject, seed: bytes, tokens: list[bytes]) -> bytes:
    """A file with a few bytes or tokens that were not in it."""
    out = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        if not out:
            break
        at = data.draw(st.integers(0, len(out) - 1))
        kind = data.draw(st.integers(0, 4))
        if kind == 0:
            out[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == 1:
            out[at] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
        elif kind == 2 and tokens:
            length = data.draw(st.integers(0, 12))
            out[at : at + length] = data.draw(st.sampled_from(tokens))
        elif kind == 3:
            del out[at : at + data.draw(st.integers(1, 40))]
        else:
            other = data.draw(st.integers(0, len(out) - 1))
            length = data.draw(st.integers(1, 60))
            out[at:at] = out[other : other + length]
    return bytes(out)


def with_each_token(pool: list[bytes], tokens: list[bytes]) -> Iterator[bytes]:
    """Every token once, in one file after the other, at places all over them."""
    for number, token in enumerate(tokens):
        seed = pool[number % len(pool)]
        at = number * 7919 % len(seed)
        yield seed[:at] + token + seed[at:]


def judge(document: Document) -> None:
    """All that a command may do with a document; findings are fine, anything else is not."""

    def all_of_it() -> None:
        for semantics in ("theano", None):
            model, _ = check(document, semantics=semantics)  # type: ignore[arg-type]
            if model is not None:
                with contextlib.suppress(SpecError):
                    model.shapes()

    assert calls(all_of_it) < MOST_CALLS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_texts(ending: str, clock: Clock) -> None:
    pool = seeds(f"*/*/model.{ending}")
    for text in with_each_token(pool, TOKENS):
        judge(decode_document(text, f"m.{ending}"))

    @EXAMPLES
    @given(st.data())
    def run(data: st.DataObject) -> None:
        text = mutated(data, data.draw(st.sampled_from(pool)), TOKENS)
        judge(decode_document(text, f"m.{ending}"))

    clock.spend(run)


PACKED: dict[str, Callable[[Any], str]] = {
    "a JSON string": lambda model: json.dumps(json.dumps(model)),
    "twice": lambda model: json.dumps(json.dumps(json.dumps(model))),
    "YAML in YAML": lambda model: yaml.dump(yaml.dump(model)),
    "a block": lambda model: yaml.dump(json.dumps(model, indent=1), default_style="|"),
    "Python": str,
    "repr": lambda model: repr(json.dumps(model)),
    "an entry": lambda model: json.dumps({"model": json.dumps(model), "weights": "w.h5"}),
    "lines": lambda model: f'{{"loss": 1}}\n{json.dumps(model)}',
    "get_config": lambda model: json.dumps(model["config"]),
}


def old_models() -> list[bytes]:
    """What Keras 0.x wrote: a Sequential with a Merge, and a Graph with a shared layer."""
    from tests.loading.keras0.test_keras0 import GRAPH, NEW, OLD, OLDEST

    merge = {"name": "Merge", "mode": "cos", "layers": [OLD, NEW], "dot_axes": [[1], [1]]}
    nested = {"name": "Sequential", "layers": [merge]}
    return [json.dumps(model).encode() for model in (OLD, OLDEST, NEW, GRAPH, nested)]


def test_models_inside_other_forms(clock: Clock) -> None:
    models = [json.loads(seed) for seed in seeds("*/*/model.json")[:: 1 if LONG else 10]]
    pool = [write(model).encode() for model in models for write in PACKED.values()]
    pool = [text for text in pool if len(text) < 20_000]
    for number, text in enumerate(with_each_token(pool, TOKENS)):
        judge(decode_document(text, f"m.{('json', 'yaml', 'txt')[number % 3]}"))

    @EXAMPLES
    @given(st.data())
    def run(data: st.DataObject) -> None:
        ending = data.draw(st.sampled_from(["json", "yaml", "txt"]))
        text = mutated(data, data.draw(st.sampled_from(pool)), TOKENS)
        judge(decode_document(text, f"m.{ending}"))

    clock.spend(run)


def test_old_models(clock: Clock) -> None:
    pool = old_models()
    for text in with_each_token(pool, OLD_TOKENS):
        judge(decode_document(text, "m.json"))

    @EXAMPLES
    @given(st.data())
    def run(data: st.DataObject) -> None:
        text = mutated(data, data.draw(st.sampled_from(pool)), [*TOKENS, *OLD_TOKENS])
        judge(decode_document(text, "m.json"))

    clock.spend(run)


def hdf5_files(folder: Path) -> Iterator[bytes]:
    """Files of every layout: old and new structures, packed and plain numbers, text of any kind."""
    yield from (
        p.read_bytes()
        for name in ("m_seq_nested/model.h5", "m_seq_regs/weights.h5", "m_f_bn_gap_tf/model.h5")
        for p in sorted(GOLDEN.glob(f"keras-1.2.2-theano/{name}"))
    )
    config = (
        '{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": '
        '{"name": "a", "output_dim": 50, "batch_input_shape": [null, 40], "bias": false}}]}'
    )
    for number, (text, options, version) in enumerate((
        (str, {}, None),
        (lambda s: s.encode(), {"compression": "gzip", "chunks": (8, 50)}, None),
        (str, {"shuffle": True, "fletcher32": True, "chunks": (8, 50)}, "latest"),
    )):  # fmt: skip
        path = folder / f"{number}.h5"
        with h5py.File(path, "w", libver=version) as file:
            file.attrs["model_config"] = text(config)
            file.attrs["keras_version"] = text("1.2.2")
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [text("a")]
            layer = group.create_group("a")
            layer.attrs["weight_names"] = [text("a_W")]
            values = [[float(i * j % 7) for j in range(50)] for i in range(40)]
            layer.create_dataset("a_W", data=values, dtype="f4", **options)
        yield path.read_bytes()


def test_hdf5(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_worker, "SECONDS", 2.0)
    pool = list(hdf5_files(tmp_path))
    path = tmp_path / "f.h5"

    @EXAMPLES
    @given(st.data())
    def run(data: st.DataObject) -> None:
        path.write_bytes(mutated(data, data.draw(st.sampled_from(pool)), []))
        try:
            file = open_weights(path)
        except Problem as problem:
            assert problem.code in {"CS100", "CS101", "CS107"}  # noqa: PT017 - or there is none
        else:
            for name in file.tensors:
                read_or_refuse(file, name)
        document = read_document(path)
        model, found = check(document)
        assert model is not None or found

    clock.spend(run)


def read_or_refuse(file: Any, name: str) -> None:
    try:
        file.read(name)
    except Problem as problem:
        assert problem.code in {"CS101", "CS102"}  # noqa: PT017 - or there is none
