"""``convspec fmt``: which files it writes, what it says, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speccompiler.editing import formatting
from tests.cli.calling import GOOD, UNDECIDED, Call, write

UGLY = (
    "# mine\nlayers:   # all\n- type: 'Flatten'\n  name: a\nconvspec: 1   # one\ninput_shape: [3]\n"
)
NICE = (
    "# mine\nconvspec: 1   # one\ninput_shape: [3]\nlayers:   # all\n  - {type: Flatten, name: a}\n"
)


def test_a_file_is_written(call: Call) -> None:
    write("a.yaml", UGLY)
    write("b.yaml", GOOD)
    result = call("fmt", "a.yaml", "b.yaml")
    assert (result.status, result.out) == (0, "")
    assert result.err == "changed a.yaml\n1 file changed, 1 file as it was\n"
    assert Path("a.yaml").read_text() == NICE
    again = call("fmt", ".")
    assert (again.status, again.err) == (0, "2 files as they were\n")


def test_a_check_names_what_would_change(call: Call) -> None:
    write("a.yaml", UGLY)
    write("b.yaml", NICE)
    result = call("fmt", "--check", ".")
    assert (result.status, result.out) == (1, "would change a.yaml\n")
    assert result.err == "1 file would change, 1 file as it was\n"
    assert Path("a.yaml").read_text() == UGLY
    assert call("fmt", "--check", "b.yaml").status == 0


def test_a_difference_is_shown(call: Call) -> None:
    write("a.yaml", UGLY)
    result = call("fmt", "--diff", "a.yaml")
    assert result.status == 1
    assert result.out == (
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,6 +1,5 @@\n # mine\n-layers:   # all\n"
        "-- type: 'Flatten'\n-  name: a\n convspec: 1   # one\n input_shape: [3]\n"
        "+layers:   # all\n+  - {type: Flatten, name: a}\n"
    )
    assert Path("a.yaml").read_text() == UGLY
    both = call("fmt", "--diff", "--check", "a.yaml")
    assert both.out == result.out
    assert both.err == "would change a.yaml\n1 file would change\n"


def test_standard_input_goes_to_standard_output(call: Call) -> None:
    assert call("fmt", "-", stdin=UGLY.encode()).out == NICE
    assert call("fmt", "-", stdin=NICE.encode()).out == NICE
    kept = call("fmt", "-", stdin=UNDECIDED.encode())
    assert (kept.status, kept.out) == (0, UNDECIDED)
    broken = call("fmt", "-", stdin=b"convspec: [")
    assert (broken.status, broken.out) == (1, "convspec: [")


def test_what_keras_wrote_and_what_is_no_spec_is_left(call: Call) -> None:
    write("model.json", UNDECIDED)
    write("other.yaml", "a:   1\n")
    result = call("fmt", "model.json", "other.yaml")
    assert (result.status, result.out) == (0, "")
    assert result.err == (
        "model.json: left alone; Keras wrote it\nother.yaml: left alone; it is no native spec\n"
    )
    assert (Path("model.json").read_text(), Path("other.yaml").read_text()) == (
        UNDECIDED,
        "a:   1\n",
    )
    quiet = call("fmt", "--specs-only", "model.json", "other.yaml")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_a_text_that_cannot_be_read_is_shown_and_left(call: Call) -> None:
    write("a.yaml", "convspec: 1\nlayers: [\n")
    write("b.yaml", UGLY)
    result = call("fmt", "a.yaml", "b.yaml")
    assert (result.status, result.out) == (1, "")
    assert "changed b.yaml\na.yaml:2:9: error CS003: " in result.err
    assert Path("a.yaml").read_text() == "convspec: 1\nlayers: [\n"
    several = call("fmt", "-", stdin=b"convspec: 1\n---\nconvspec: 1\n")
    assert several.status == 1
    assert "error CS011: a second document starts here; a file holds one spec" in several.err
    assert call("fmt", "gone.yaml").status == 2


def test_the_line_length(call: Call) -> None:
    write("a.yaml", NICE)
    assert call("fmt", "--line-length", "20", "a.yaml").status == 0
    assert Path("a.yaml").read_text().endswith("layers:   # all\n  - type: Flatten\n    name: a\n")


def test_bytes_and_rights_stay(call: Call) -> None:
    Path("a.yaml").write_bytes(b"\xef\xbb\xbf" + UGLY.replace("\n", "\r\n").encode())
    os.chmod("a.yaml", 0o640)
    assert call("fmt", "a.yaml").status == 0
    assert Path("a.yaml").read_bytes() == b"\xef\xbb\xbf" + NICE.replace("\n", "\r\n").encode()
    assert os.stat("a.yaml").st_mode & 0o777 == 0o640


def test_a_wrong_formatter_writes_nothing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.yaml", UGLY)
    monkeypatch.setattr(formatting, "_lines", lambda document, width: ["convspec: 2"])
    result = call("fmt", "a.yaml")
    assert result.status == 2
    assert result.err.startswith(
        "convspec: internal error (NotTheSame: the formatted spec does not mean the same); "
    )
    assert Path("a.yaml").read_text() == UGLY


def test_what_the_settings_exclude_is_left(call: Call) -> None:
    write("convspec.toml", 'exclude = ["old/**"]\n')
    write("old/a.yaml", UGLY)
    write("b.yaml", UGLY)
    assert call("fmt", ".").err == "changed b.yaml\n1 file changed\n"
    assert call("fmt", "--specs-only", "old/a.yaml").err == ""
    assert call("fmt", "old/a.yaml").err == "changed old/a.yaml\n1 file changed\n"


def test_a_spec_around_a_model_is_laid_out_and_the_model_is_not(call: Call) -> None:
    write("model.json", UNDECIDED)
    write("a.yaml", "semantics: theano\nmodel:   model.json # saved\nconvspec: 1\n")
    result = call("fmt", "a.yaml")
    assert (result.status, result.err) == (0, "changed a.yaml\n1 file changed\n")
    assert Path("a.yaml").read_text() == (
        "convspec: 1\nmodel: model.json   # saved\nsemantics: theano\n"
    )
    assert Path("model.json").read_text() == UNDECIDED
