"""No CUDA kernel's text has changed since it was compiled."""

from __future__ import annotations

from tests.kernels.cuda.compiled_texts import COMPILED, digests


def test_every_text_has_been_compiled() -> None:
    """``make test-cuda-ptx UPDATE=1`` compiles all, and lists them where nothing failed."""
    kept = set(COMPILED.read_text().splitlines()[1:])
    changed = sorted(name for name, digest in digests().items() if digest not in kept)
    assert not changed, f"make test-cuda-ptx UPDATE=1 compiles what is new in {changed}"
