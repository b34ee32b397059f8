"""The closed library: few texts, each once, the same in every process, and nothing unlisted."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

import speccompiler
from speccompiler.kernels.cpu.kernel import WIDTHS, CpuKernel
from speccompiler.kernels.cpu.library import library, of_width
from speccompiler.kernels.cpu.plain_copy import CopyKernel
from speccompiler.kernels.cpu.runtime import team
from speccompiler.kernels.cpu.runtime.executor import _called, _text
from speccompiler.kernels.cpu.runtime.kernel_cache import VOCABULARY
from speccompiler.kernels.cpu.table import KERNELS
from speccompiler.options import CompileOptions
from speccompiler.passes import optimize
from speccompiler.system.code_digest import closure, imports
from speccompiler.targets import TARGETS
from tests.completeness import assert_rows
from tests.places import ROOT

MOST, MOST_ACTIVATIONS = 60, 48
"""Texts of one vector width. An activation is a small function that kernels call."""


def digest(lanes: int) -> str:
    return hashlib.sha256(repr(library(lanes)).encode()).hexdigest()


@pytest.mark.parametrize("lanes", WIDTHS)
def test_texts_are_few_and_different(lanes: int) -> None:
    texts = [text for _, text in library(lanes)]
    assert len(set(texts)) == len(texts)
    names = [name for name, _ in of_width(lanes)]
    activations = names.count("activation")
    assert 0 < activations <= MOST_ACTIVATIONS
    assert 0 < len(names) - activations <= MOST
    # Few of them have texts for narrower vectors too.
    assert len(texts) <= len(names) + MOST


def test_a_machine_has_the_narrow_texts_of_kernels_that_narrow() -> None:
    found = set(library(16))
    for kernel in KERNELS:
        narrow = {(kernel.name, text) for text in kernel.texts(4)}
        # Some texts have no vectors, and are the same for every width.
        assert narrow <= found if kernel.narrows else not narrow - set(of_width(16)) & found


def test_the_same_texts_in_every_process() -> None:
    code = "from tests.kernels.cpu.test_library import digest; print(digest(16))"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == digest(16)


def test_what_texts_import_is_in_the_key_of_their_code() -> None:
    """A changed word of the vocabulary must not meet code that the old one made."""
    texts = [text for _, text in library(max(WIDTHS))]
    imported = {name for text in texts for name in imports(text, team.__package__ or "")}
    modules = {name for name in imported if name in closure((name,))}
    wanted = {"speccompiler.kernels.cpu.runtime.compiler", *modules}
    assert_rows("VOCABULARY (kernels/cpu/runtime/kernel_cache.py)", VOCABULARY, wanted)


def test_a_kernel_that_narrows_says_so() -> None:
    """``fitting_lanes`` is how a text gets narrower vectors."""
    for kernel in (*KERNELS, CopyKernel):
        assert issubclass(kernel, CpuKernel)
        names = kernel.text.__code__.co_names
        assert ("fitting_lanes" in names) == kernel.narrows, kernel.name


EXAMPLES = sorted(file.name for file in (ROOT / "examples" / "specs").glob("*.yaml"))


@pytest.mark.parametrize("math", ["fast", "precise"])
@pytest.mark.parametrize("spec", EXAMPLES)
def test_no_example_needs_another_text(spec: str, math: str, lanes: int) -> None:
    semantics = "theano" if spec == "segmenter_keras1.yaml" else None
    model = speccompiler.load(ROOT / "examples" / "specs" / spec, semantics=semantics)
    given = {
        one.name: tuple(128 if length is None else length for length in one.shape)
        for one in model.spec.inputs or ()
        if None in one.shape
    }
    graph, _ = model.tapped(given or None, ())
    known = set(library(lanes))
    for batch in (1, 8):
        options = CompileOptions(math=math, batch_size=batch, threads=2)
        plan, _, _ = TARGETS["cpu"].plan(optimize(graph), options)
        needed = [text for step in plan.steps for text in (_text(step), *_called(step))]
        assert [name for name, text in needed if (name, text) not in known] == []
