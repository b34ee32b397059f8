"""``convspec validate``: how it ends, and what warnings change."""

from __future__ import annotations

from tests.cli.calling import BAD, UNDECIDED, Call, write


def test_validate_ends_in_0_1_or_2(call: Call) -> None:
    write("good.yaml")
    write("bad.yaml", BAD)
    good = call("validate", "good.yaml")
    assert (good.status, good.out, good.err) == (0, "good.yaml: ok, 1 layer\n", "")
    bad = call("validate", "bad.yaml")
    assert (bad.status, bad.err) == (1, "")
    assert bad.out.endswith("\nfound 2 errors in 1 file\n")
    gone = call("validate", "gone.yaml")
    assert (gone.status, gone.err) == (2, "")
    both = call("validate", "good.yaml", "bad.yaml", "gone.yaml")
    assert both.status == 2
    assert "good.yaml: ok, 1 layer\n" in both.out
    assert both.out.endswith("\nfound 3 errors in 2 of 3 files\n")


def test_warnings_alone_do_not_fail(call: Call) -> None:
    write("model.json", UNDECIDED)
    result = call("validate", "model.json")
    assert result.status == 0
    assert "warning CS050" in result.out
    assert "model.json: ok, 1 layer\nfound 1 warning in 1 file\n" in result.out
    decided = call("validate", "model.json", "--semantics", "theano")
    assert (decided.status, decided.out) == (0, "model.json: ok, 1 layer\n")
