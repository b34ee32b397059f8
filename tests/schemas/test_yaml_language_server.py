"""The JSON Schema in the server by which editors read YAML: completion, hover and errors.

npm installs the server, once, in the version of ``yaml_language_server/package-lock.json``.
Without npm these tests are skipped, but where CONVSPEC_TEST_REQUIRE names ``npm``, as in CI, they
fail.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from speccompiler.schemas.arguments import COMMON, own_arguments
from speccompiler.schemas.jsonschema import native_schema
from speccompiler.schemas.registry import LAYERS, aliases
from tests.places import ROOT
from tests.schemas.yaml_server import WAIT, YamlServer

PINNED = ROOT / "tests/schemas/yaml_language_server"
REQUIRED = "npm" in os.environ.get("CONVSPEC_TEST_REQUIRE", "").split(",")
SERVER = "node_modules/yaml-language-server/bin/yaml-language-server"
HEAD = "convspec: 1\nlayers:\n"

pytestmark = pytest.mark.xdist_group("yaml-language-server")


def installed() -> Path:
    """The folder of the server. Raises ``OSError`` or ``CalledProcessError`` without one."""
    digest = hashlib.sha256((PINNED / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = user_cache_path("convspec-tests") / f"yaml-language-server-{digest}"
    if not (folder / SERVER).exists():
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(PINNED, fresh)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=300)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was sooner.
            if not (folder / SERVER).exists():
                raise
            shutil.rmtree(fresh)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YamlServer]:
    """A server that knows the schema."""
    try:
        folder = installed()
    except (OSError, subprocess.SubprocessError) as error:
        if REQUIRED:
            raise
        pytest.skip(f"yaml-language-server cannot be installed: {error}")
    work = tmp_path_factory.mktemp("specs")
    schema = work / "convspec.schema.json"
    schema.write_text(json.dumps(native_schema()))
    with YamlServer(["node", str(folder / SERVER), "--stdio"], work, schema.as_uri()) as found:
        end = time.monotonic() + WAIT
        # It asks for its settings when it likes, and knows no schema before.
        while not found.errors("convspec: 2\n"):
            assert time.monotonic() < end, "the server does not take the schema"
        yield found


def listed(values: object) -> str:
    return ", ".join(f'"{value}"' for value in values)  # type: ignore[attr-defined]


ERRORS = [
    ("  - {type: Flatten}\n", []),
    ("  - {type: Flatten, nme: a}\n", [("nme", "Property nme is not allowed.")]),
    ("  - {type: Convolution2D, nb_filter: x, nb_row: 3}\n",
     [("{", 'Missing property "nb_col".'), ("x", 'Incorrect type. Expected "integer".')]),
    ("  - {type: Dense, output_dim: '3'}\n", [("'3'", 'Incorrect type. Expected "integer".')]),
    ("  - {type: Dense, output_dim: 0}\n", [("0", "Value is below the minimum of 1.")]),
    ("  - type: MaxPooling2D\n    pool_size: [2, a]\n    border_mode: ful\n",
     [("a", 'Incorrect type. Expected "integer".'),
      ("ful", 'Value is not accepted. Valid values: "valid", "same", "partial".')]),
    ("  - {type: MaxPooling2D, strides: [2, 2, 2]}\n",
     [("[2, 2, 2]", "Array has too many items. Expected 2 or fewer.")]),
    ("  - {type: TimeDistributed, layer: {type: Dense, output_dims: 3}}\n",
     [("layer", 'Missing property "output_dim".'),
      ("output_dims", "Property output_dims is not allowed.")]),
    ("  - {output_dim: 3}\n", [("{", 'Missing property "type".')]),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "found"), ERRORS, ids=[e[0].strip() for e in ERRORS])
def test_an_error_names_the_argument_of_the_layer_that_is_meant(
    server: YamlServer, layers: str, found: list[tuple[str, str]]
) -> None:
    assert server.errors(HEAD + layers) == found


def test_errors_of_the_top(server: YamlServer) -> None:
    assert server.errors("convspec: 1\n") == [("c", 'Missing property "layers".')]
    text = "convspec: 2\nx-more: 1\nodd: 1\ninput_shape: [a]\nlayers: [{type: Flatten}]\n"
    assert sorted(server.errors(text)) == [
        ("2", "Value must be 1."),
        ("a", 'Incorrect type. Expected "integer | null".'),
        ("odd", "Property odd is not allowed."),
    ]
    types = [*LAYERS, *aliases(), "Shared"]
    ((place, message),) = server.errors(f"{HEAD}  - {{type: Flaten}}\n")
    assert (place, message) == (
        "Flaten",
        f"Value is not accepted. Valid values: {listed(types)}.",
    )


SPECS = sorted((ROOT / "examples/specs").glob("*.yaml"))


@pytest.mark.parametrize("file", SPECS, ids=[f.name for f in SPECS])
def test_the_examples_have_no_errors(server: YamlServer, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if "class_name" not in text:
        # The first line names another schema.
        assert server.errors(text.partition("\n")[2]) == []


def test_types_are_completed_with_their_documentation(server: YamlServer) -> None:
    found = server.completions(f"{HEAD}  - type: |\n")
    assert found.keys() == {*LAYERS, *aliases(), "Shared"}
    dense = found["Dense"]
    assert dense["insertText"] == "Dense"
    assert "A matrix product over the last axis" in str(dense["documentation"])
    assert found.keys() >= server.completions(f"{HEAD}  - {{type: MaxP|}}\n").keys()


@pytest.mark.parametrize("layer", ["Dense", "MaxPooling2D", "Embedding", "Merge", "Slice"])
def test_arguments_are_those_of_the_layer(server: YamlServer, layer: str) -> None:
    found = server.completions(f"{HEAD}  - type: {layer}\n    |\n")
    arguments = {*own_arguments(LAYERS[layer]), *COMMON, "inputs"}
    # The server also offers the layer as a whole, under the layer's name.
    assert found.keys() - {layer} == arguments
    assert found["input_shape"]["insertText"] == "input_shape: "  # and no default that is nothing


def test_without_a_type_only_that_is_offered(server: YamlServer) -> None:
    found = server.completions(f"{HEAD}  - |\n")
    assert found.keys() - {"Layer"} == {"type"}


VALUES = [
    ("  - type: Dense\n    activation: |\n", {"relu", "softmax", "hard_sigmoid", "linear"}),
    ("  - {type: Dense, activation: |}\n", {"relu", "softmax", "hard_sigmoid", "linear"}),
    ("  - type: Merge\n    mode: |\n", {"sum", "mul", "concat", "ave", "cos", "dot", "max"}),
    ("  - type: Dense\n    W_regularizer: {name: |}\n", {"l1", "l2", "l1l2"}),
]


@pytest.mark.parametrize(("text", "values"), VALUES, ids=[v[0].strip() for v in VALUES])
def test_values_are_completed(server: YamlServer, text: str, values: set[str]) -> None:
    assert server.completions(HEAD + text).keys() >= values


def test_keys_of_the_top_are_completed(server: YamlServer) -> None:
    found = server.completions("convspec: 1\n|\n")
    assert found.keys() >= {"semantics", "dim_ordering", "input_shape", "seed", "layers"}
    assert found["semantics"]["insertText"] == "semantics: "


HOVERS = [
    ("conv|spec: 1\nlayers: [{type: Flatten}]\n",
     "#### convspec model\n\nVersion of the spec format.\n"),
    (f"{HEAD}  - type: Convolution2D\n    nb_fil|ter: 3\n",
     "#### Convolution2D\n\nNumber of filters: channels of the output.\n"),
    (f"{HEAD}  - {{type: MaxPooling2D, pool_s|ize: [2, 2]}}\n",
     "#### MaxPooling2D\n\nWindow: rows, columns.\n"),
    (f"{HEAD}  - {{type: Dense, |activation: relu}}\n",
     "#### Dense\n\nApplied after the bias: a name, or `{expr: ..}` in x. Default: linear.\n"),
    (f"{HEAD}  - type: Convo|lution2D\n",
     "#### convspec model\n\nConvolution over rows and columns of an image.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), HOVERS, ids=[h[1].splitlines()[2] for h in HOVERS])
def test_a_hover_shows_the_documentation(server: YamlServer, text: str, words: str) -> None:
    assert server.hover(text).startswith(words)
