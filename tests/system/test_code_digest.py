"""The digest of our own code: it follows imports, and changes with what decides a result."""

from __future__ import annotations

import ast
import errno
import os

import pytest

from speccompiler.kernels.cpu.runtime import packed_weights
from speccompiler.system import code_digest
from tests.test_imports import imported, modules


def test_the_key_follows_imports(tmp_path):
    """As Python's own parser sees them."""
    for roots in (packed_weights._DECIDING, ("speccompiler.kernels.cpu.runtime.compiler",)):
        found = code_digest.closure(roots).keys()
        assert set(roots) <= found
        seen = {name: imported(file, package) for name, package, file in modules()}
        for name in found & seen.keys():
            wanted = {other for other in seen[name] if other in seen} - typed_only(name, tmp_path)
            assert wanted <= found | {"speccompiler"}, name


def typed_only(name, folder):
    """What a module imports for type checkers alone."""
    (file,) = [file for module, _, file in modules() if module == name]
    (package,) = [package for module, package, _ in modules() if module == name]
    plain = "\n".join(
        ast.unparse(node)
        for node in ast.parse(file.read_text()).body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    )
    copy = folder / "plain.py"
    copy.write_text(plain)
    return imported(file, package) - imported(copy, package)


@pytest.mark.parametrize("module", [
    "files.npy_format", "files.hdf5_reading", "files.hdf5_worker", "files.hdf5_structure",
    "weights.files.safetensors_files", "expressions.evaluate", "kernels.winograd_tiles",
    "graph.ir",
])  # fmt: skip
def test_what_packing_depends_on_is_in_the_key(module):
    assert f"speccompiler.{module}" in code_digest.closure(packed_weights._DECIDING)


def test_a_changed_source_changes_the_key(monkeypatch):
    root, changed = "speccompiler.weights.files.weight_file", "speccompiler.files.npy_format"
    read, digest = code_digest._read, code_digest.code_digest.__wrapped__
    before, alone = digest(root), digest("speccompiler.system.subprocesses", alone=(changed,))
    assert digest(root) == before

    def other(name):
        found = read(name)
        return (found[0] + b"\n", *found[1:]) if name == changed else found

    monkeypatch.setattr(code_digest, "_read", other)
    assert digest(root) != before
    assert digest("speccompiler.system.subprocesses", alone=(changed,)) != alone


def test_a_module_that_cannot_be_read_is_no_missing_one(monkeypatch):
    """Nor is it taken for one later, when it can."""
    module, digest = "speccompiler.files.npy_format", code_digest.code_digest.__wrapped__
    before = digest(module)
    code_digest._read.cache_clear()

    def open_(name, mode):
        if name.endswith("npy_format.py"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), name)
        return open(name, mode)

    with monkeypatch.context() as patch:
        patch.setattr(code_digest, "open", open_, raising=False)
        with pytest.raises(OSError, match="npy_format"):
            digest(module)
    assert digest(module) == before


def test_without_sources_the_release_decides(monkeypatch):
    digest = code_digest.code_digest.__wrapped__
    monkeypatch.setattr(code_digest, "_read", lambda name: None)
    before = digest("speccompiler.weights.files.weight_file")
    monkeypatch.setattr(code_digest, "__version__", "0.0.0")
    assert digest("speccompiler.weights.files.weight_file") != before


@pytest.mark.parametrize(("text", "found"), [
    ("from . import a, b as c\n", {"speccompiler.p.a", "speccompiler.p.b", "speccompiler.p"}),
    ("from ..x import y\n", {"speccompiler.x", "speccompiler.x.y"}),
    ("from .. import z\n", {"speccompiler.z"}),
    ("from .m import (\n    one,  # why\n    two,\n)\n", {
        "speccompiler.p.m", "speccompiler.p.m.one", "speccompiler.p.m.two"}),
    ("def f():\n    from .late import g\n", {"speccompiler.p.late", "speccompiler.p.late.g"}),
    ("import os, speccompiler.system.cache as c  # why\n", {"speccompiler.system.cache"}),
    ("import numpy\nfrom os import path\n", set()),
    ("if TYPE_CHECKING:\n    from .t import T\n\n    from .u import U\n\nfrom .v import V\n",
     {"speccompiler.p.v", "speccompiler.p.v.V"}),
])  # fmt: skip
def test_imports_are_read_from_the_text(text, found):
    assert set(code_digest.imports(text, "speccompiler.p")) == found
