"""Profiles."""

from __future__ import annotations

from speccompiler.lowering.semantics import Semantics


def test_profiles_are_profiles():
    from speccompiler.schemas.model import SemanticsFields

    of = {p: Semantics.of(SemanticsFields(profile=p))
          for p in ("tensorflow", "tensorflow-1.0", "theano", "theano-0.8")}  # fmt: skip
    assert [s.kernel for s in of.values()] == ["correlate", "correlate", "convolve", "convolve"]
    assert [s.theano for s in of.values()] == [False, False, True, True]
