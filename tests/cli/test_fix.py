"""``convspec validate --fix``: what it writes, what it says, and what it never touches."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.calling import BAD, GOOD, Call, write

LIKELY = GOOD.replace("nb_filter: 2", "nb_filter: 2, qqqq: 1")


def test_safe_fixes_are_written(call: Call) -> None:
    write("a.yaml", BAD)
    result = call("validate", "--fix", "a.yaml")
    assert (result.status, result.err) == (0, "")
    assert result.out == "a.yaml: ok, 1 layer\nfixed 2 of 2 findings\n"
    assert Path("a.yaml").read_text() == GOOD


def test_the_others_are_asked_for(call: Call) -> None:
    write("a.yaml", LIKELY)
    result = call("validate", "--fix", "a.yaml")
    assert result.status == 1
    assert Path("a.yaml").read_text() == LIKELY
    result = call("validate", "--fix", "--unsafe-fixes", "a.yaml")
    assert (result.status, Path("a.yaml").read_text()) == (0, GOOD)
    alone = call("validate", "--unsafe-fixes", "a.yaml")
    assert alone.status == 2
    assert "--unsafe-fixes says what to fix; add --fix, or --diff to see it" in alone.err


def test_a_difference_is_shown_and_nothing_written(call: Call) -> None:
    write("a.yaml", BAD)
    result = call("validate", "--diff", "a.yaml")
    assert result.status == 1
    assert Path("a.yaml").read_text() == BAD
    assert result.out == (
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -2,4 +2,4 @@\n dim_ordering: tf\n input_shape: [8, 8, 1]\n"
        " layers:\n"
        "-  - {type: Convolution2D, name: conv, nb_filter: 2, nb_rows: 3, nb_col: 3}\n"
        "+  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}\n"
    )
    assert result.err == "a.yaml: ok, 1 layer\nwould fix 2 of 2 findings\n"
    write("b.yaml", GOOD)
    clean = call("validate", "--diff", "b.yaml")
    assert (clean.status, clean.out, clean.err) == (0, "", "b.yaml: ok, 1 layer\n")


def test_standard_input_goes_to_standard_output(call: Call) -> None:
    result = call("validate", "--fix", "-", stdin=BAD.encode())
    assert (result.status, result.out) == (0, GOOD)
    assert result.err == "<stdin>: ok, 1 layer\nfixed 2 of 2 findings\n"
    same = call("validate", "--fix", "-", stdin=GOOD.encode())
    assert (same.status, same.out) == (0, GOOD)


def test_what_remains_is_shown(call: Call) -> None:
    write("a.yaml", BAD.replace("nb_filter: 2", "nb_filter: 0"))
    result = call("validate", "--fix", "a.yaml")
    assert result.status == 1
    assert "a.yaml:5:50: error CS025: 'nb_filter' is 0; it must be 1 or more" in result.out
    assert result.out.endswith("fixed 2 of 3 findings\nfound 1 error in 1 file\n")


def test_programs_get_fixes_and_their_number(call: Call) -> None:
    write("a.yaml", BAD)
    found = json.loads(call("validate", "--format", "json", "a.yaml").out)
    assert found["fixed"] == 0
    assert [d["fix"] for d in found["diagnostics"]][1] == {
        "title": "rename 'nb_rows' to 'nb_row'",
        "safe": True,
        "edits": [{"line": 5, "column": 53, "end_line": 5, "end_column": 60, "text": "nb_row"}],
    }
    mended = json.loads(call("validate", "--fix", "--format", "json", "a.yaml").out)
    assert (mended["fixed"], mended["diagnostics"]) == (2, [])


def test_bytes_that_are_not_mended_stay(call: Call) -> None:
    text = "\ufeff# größe\r\n" + BAD.replace("\n", "\r\n")
    Path("a.yaml").write_bytes(text.encode())
    os.chmod("a.yaml", 0o640)
    assert call("validate", "--fix", "a.yaml").status == 0
    assert Path("a.yaml").read_bytes() == text.replace("nb_rows", "nb_row").encode()
    assert os.stat("a.yaml").st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(call: Call) -> None:
    write("inner/a.yaml", BAD)
    Path("link.yaml").symlink_to("inner/a.yaml")
    assert call("validate", "--fix", "link.yaml").status == 0
    assert Path("link.yaml").is_symlink()
    assert Path("inner/a.yaml").read_text() == GOOD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(call: Call) -> None:
    write("a.yaml", BAD)
    os.chmod("a.yaml", 0o444)
    assert call("validate", "--fix", "a.yaml").status == 2


def test_a_folder_is_mended_file_by_file(call: Call) -> None:
    write("specs/a.yaml", BAD)
    write("specs/b.yaml", GOOD)
    write("specs/other.yaml", "nb_rows: 3\n")
    before = os.stat("specs/b.yaml").st_mtime_ns
    result = call("validate", "--fix", "specs")
    assert result.out == (
        "specs/a.yaml: ok, 1 layer\nspecs/b.yaml: ok, 1 layer\nfixed 2 of 2 findings\n"
    )
    assert os.stat("specs/b.yaml").st_mtime_ns == before
    assert Path("specs/other.yaml").read_text() == "nb_rows: 3\n"


def test_a_finding_that_is_ignored_stays(call: Call) -> None:
    text = BAD.replace("}\n", "}  # convspec: ignore[CS021, CS022]\n")
    write("a.yaml", text)
    result = call("validate", "--fix", "a.yaml")
    assert "fixed" not in result.out
    assert Path("a.yaml").read_text() == text
