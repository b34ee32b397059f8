"""Where specs come from: files, folders, globs, standard input."""

from __future__ import annotations

import json

from tests.cli.calling import BAD, GOOD, UNDECIDED, Call, write


def test_standard_input(call: Call) -> None:
    good = call("validate", "-", stdin=GOOD.encode())
    assert (good.status, good.out) == (0, "<stdin>: ok, 1 layer\n")
    bad = call("validate", "-", stdin=BAD.encode())
    assert bad.status == 1
    assert bad.out.startswith("<stdin>:5:")
    as_json = call("validate", "-", stdin=UNDECIDED.encode())
    assert as_json.status == 0
    assert call("validate", "-", stdin=b"").status == 1
    shapes = call("shapes", "-", "--format", "json", stdin=GOOD.encode())
    assert json.loads(shapes.out)["model"] == "stdin"


def test_a_folder_holds_specs_and_other_files(call: Call) -> None:
    write("models/a.yaml")
    write("models/deep/b.yml", BAD)
    write("models/c.json", UNDECIDED)
    write("models/compose.yaml", "services: {web: {image: nginx}}\n")
    write("models/list.json", "[1, 2]\n")
    write("models/broken.yaml", "key: [unclosed\n")
    write("models/notes.txt", "convspec: 1\n")
    write("models/.hidden/d.yaml", BAD)
    write("models/.e.yaml", BAD)
    result = call("validate", "models", "--format", "json")
    assert result.status == 1
    files = json.loads(result.out)["files"]
    assert files == ["models/a.yaml", "models/c.json", "models/deep/b.yml"]


def test_a_broken_spec_in_a_folder_is_not_passed_over(call: Call) -> None:
    write("models/a.yaml", "convspec: 1\nlayers: [\n")
    result = call("validate", "models")
    assert result.status == 1
    assert "models/a.yaml:2:9: error CS003: " in result.out


def test_a_folder_without_specs(call: Call) -> None:
    write("models/compose.yaml", "services: {}\n")
    result = call("validate", "models")
    assert result.status == 2
    assert "no spec in folder 'models'" in result.err


def test_a_glob(call: Call) -> None:
    for name in ("a.yaml", "b.yaml", "c.json"):
        write(f"models/{name}", GOOD if name != "c.json" else UNDECIDED)
    result = call("validate", "models/*.yaml")
    assert result.out == "models/a.yaml: ok, 1 layer\nmodels/b.yaml: ok, 1 layer\n"
    nothing = call("validate", "models/*.toml")
    assert nothing.status == 2
    assert "no file matches 'models/*.toml'" in nothing.err
    # A file of that very name comes first.
    write("models/[ab].yaml")
    assert call("validate", "models/[ab].yaml").out == "models/[ab].yaml: ok, 1 layer\n"


def test_a_file_named_twice_is_checked_once(call: Call) -> None:
    write("models/a.yaml")
    result = call("validate", "models/a.yaml", "models", "models/*.yaml")
    assert result.out == "models/a.yaml: ok, 1 layer\n"


def test_odd_paths(call: Call) -> None:
    assert call("validate", "").status == 2
    assert call("validate", "x\0y").status == 2
    assert call("validate", "x" * 5000).status == 2
    assert call("validate", "/dev/null").status == 2
    assert call("shapes", ".").status == 2
