"""CONTRIBUTING's recipes, followed in a copy of the tree: they work, and are complete.

``Trim2D`` cuts as many rows and columns off every side of an image. Each edit below is one of the
recipe's steps. After the first step alone the completeness tests fail, and name the layer; after
all of them they pass, and so do the rows of the case table, the example and the page for it.
The pass makes one reshape of two in a row.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.places import ROOT


class Edit(NamedTuple):
    """Text that is put in front of other text, which stands once in a file."""

    step: str
    file: str
    before: str
    text: str


EDITS = (
    Edit("Schema", "schemas/resizing.py", "class Cropping3D(Layer):", '''\
class Trim2D(Layer):
    """Cuts as much off every side of an image."""

    type: Literal["Trim2D"]
    rank: ClassVar[int] = 2
    edge: PositiveInt = Field(description="Rows and columns that are cut off.")
    dim_ordering: LayerOrdering = Field("default", description=ORDERING_TEXT)


'''),
    Edit("Schema", "schemas/registry.py", '    "resizing.Cropping3D",\n',
         '    "resizing.Trim2D",\n'),
    Edit("Schema", "schemas/registry.py", '        "Slice",\n', '        "Trim2D",\n'),
    Edit("Lowering", "speccompiler/lowering/resizing.py", "    UpSampling1D,\n", "    Trim2D,\n"),
    Edit("Lowering", "speccompiler/lowering/resizing.py", "def lower_resize(", '''\
def lower_trim(b: Builder, layer: Trim2D, x: Node) -> Node:
    """As a negative padding, the same on every side."""
    return _spatial(b, layer, Pad(((-layer.edge, -layer.edge),) * 2), x)


'''),
    Edit("Lowering", "speccompiler/lowering/table.py", '        "Cropping3D": ',
         '        "Trim2D": "resizing.lower_trim",\n'),
    Edit("Lowering", "speccompiler/lowering/mask_table.py", '"Slice", "Reduce",', '"Trim2D", '),
    Edit("Case", "tests/cases/resizing.py", '    Case(\n        "Cropping3D"', '''\
    Case(
        "Trim2D",
        {"edge": 1},
        (5, 6, 3),
        (*common((5, 6, 3)), Variant("edge", 2, "shape"), Variant("dim_ordering", "th", "shape")),
    ),
'''),
    Edit("Arguments", "tests/schemas/test_schemas.py", '    "Cropping3D": {"cropping"',
         '    "Trim2D": {"edge": REQUIRED, "dim_ordering": "default"},\n'),
    Edit("Arguments", "tests/schemas/test_schemas.py", '    "Slice": {"axis": [1]},\n',
         '    "Trim2D": {"edge": 1},\n'),
    Edit("Other ordering", "speccompiler/convert/rules.py", '"Cropping2D", "Cropping3D",',
         '"Trim2D", '),
    Edit("Example", "schemas/examples.py", '    "Cropping3D": Example(', '''\
    "Trim2D": Example(
        "edge: 2", Shapes((3, 32, 32), (3, 28, 28)), tf=Shapes((32, 32, 3), (28, 28, 3))
    ),
'''),
)  # fmt: skip

PASS = "speccompiler/passes/join_reshapes.py"
PASS_TEXT = '''\
"""Makes one reshape of two in a row."""

from speccompiler.graph import ir
from speccompiler.passes.rewrite import rewrite, with_op


def join_reshapes(graph: ir.Graph) -> ir.Graph:
    """r = Reshape(x), s = Reshape(r)   ->   s = Reshape(x)."""
    return rewrite(graph, _join)


def _join(node: ir.Node, done: dict[str, ir.Node]) -> ir.Node:
    source = done[node.inputs[0]] if isinstance(node.op, ir.Reshape) else node
    if node is source or not isinstance(source.op, ir.Reshape):
        return node
    return with_op(node, node.op, done[source.inputs[0]])
'''
PASS_EDITS = (
    Edit("pass", "speccompiler/passes/__init__.py", "from speccompiler.passes.rewrite",
         "from speccompiler.passes.join_reshapes import join_reshapes\n"),
    Edit("pass", "speccompiler/passes/__init__.py", "    fold_padding,\n", "    join_reshapes,\n"),
    Edit("why", "speccompiler/passes/__init__.py", "    fold_padding        needs",
         "    join_reshapes       wherever it likes\n"),
    Edit("case", "tests/passes/test_every_pass.py", '    "fold_padding": Case(', '''\
    "join_reshapes": Case(
        graph(SOURCE, ("r", ir.Reshape((18,)), "in"), ("s", ir.Reshape((3, 6)), "r")),
        graph(SOURCE, ("s", ir.Reshape((3, 6)), "in")),
    ),
'''),
)  # fmt: skip

COMPLETENESS = {
    "tests/lowering/test_lowering.py": "test_every_layer_has_a_lowering_and_a_case",
    "tests/lowering/test_masks.py": "test_every_layer_has_a_row_for_masks",
    "tests/schemas/test_schemas.py": "test_every_layer_is_in_the_table",
    "tests/convert/test_rules.py": "test_every_layer_has_a_rule_or_none_for_a_reason",
    "tests/schemas/test_reference.py": "test_every_layer_has_an_example",
}
"""The test that names a layer which a table does not have."""

MAKE_SCHEMA = """
import pathlib
from speccompiler.schemas.reference import as_markdown
pathlib.Path("docs/spec.md").write_text(as_markdown(), encoding="utf-8")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources and tests, with schemas/ and cli/ where imports look for them."""
    leave_out = shutil.ignore_patterns("__pycache__", "golden")
    for folder in ("speccompiler", "schemas", "cli", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=leave_out)
    (tmp_path / "docs").mkdir()
    for file in ("pyproject.toml", "docs/spec.md"):
        shutil.copy(ROOT / file, tmp_path / file)
    for folder in ("schemas", "cli"):
        (tmp_path / "speccompiler" / folder).symlink_to(tmp_path / folder)
    return tmp_path


def follow(tree: Path, *edits: Edit) -> None:
    for edit in edits:
        text = (tree / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.before) == 1, f"{edit.file}: {edit.before!r}"
        changed = text.replace(edit.before, edit.text + edit.before)
        (tree / edit.file).write_text(changed, encoding="utf-8")


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def run_tests(tree: Path, *selected: str) -> subprocess.CompletedProcess[str]:
    options = ("-n0", "-q", "-rfE", "-p", "no:cacheprovider")
    return python(tree, "-m", "pytest", *options, *selected)


def test_the_recipe_names_every_file() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text.partition("## Add a layer\n")[2].partition("\n## ")[0]
    steps = re.split(r"^\d\. ", recipe, flags=re.MULTILINE)[1:]
    for edit in EDITS:
        (step,) = [step for step in steps if step.startswith(f"{edit.step}.")]
        folder, _, name = edit.file.rpartition("/")
        assert edit.file in step or f"/{name}`" in step or f"`{folder}/`" in step, edit.file


def test_the_recipe_adds_a_layer(tree: Path) -> None:
    schema, others = EDITS[:3], EDITS[3:]
    assert {edit.step for edit in schema} == {"Schema"}
    follow(tree, *schema)
    done = run_tests(tree, "-k", "test_every_layer", *COMPLETENESS)
    failed = set(re.findall(r"^FAILED [\w/.]+::(\w+)", done.stdout, re.MULTILINE))
    assert failed == set(COMPLETENESS.values()), done.stdout
    tables = re.findall(r"add to \w+ \(([\w/.]+)\).*: Trim2D$", done.stdout, re.MULTILINE)
    told = set(tables) & {edit.file for edit in others}
    assert len(told) == len(COMPLETENESS), done.stdout

    follow(tree, *others)
    made = python(tree, "-c", MAKE_SCHEMA)
    assert made.returncode == 0, made.stderr
    done = run_tests(tree, "-k", "test_every_layer or Trim2D", *COMPLETENESS)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 30


def test_the_recipe_adds_a_pass(tree: Path) -> None:
    (tree / PASS).write_text(PASS_TEXT, encoding="utf-8")
    cases = "tests/passes/test_every_pass.py"
    *first, case = PASS_EDITS
    follow(tree, *first)
    done = run_tests(tree, cases)
    assert f"add to CASES ({cases}): join_reshapes" in done.stdout, done.stdout
    follow(tree, case)
    done = run_tests(tree, cases)
    assert done.returncode == 0, done.stdout
