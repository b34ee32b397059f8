"""What may import what, and what a command may load: start-up is most of what it costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.places import ROOT

PACKAGES = {
    "speccompiler.schemas": ROOT / "schemas",
    "speccompiler.cli": ROOT / "cli",
    "speccompiler": ROOT / "speccompiler",
}

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
layers:
  - {type: Convolution2D, nb_filter: 2, nb_row: 3, nb_col: 3, activation: {expr: x * 2}}
  - {type: MaxPooling2D, border_mode: same}
  - {type: Flatten}
  - {type: Dense, output_dim: 2, activation: softmax}
"""
KERAS = json.dumps(
    {
        "class_name": "Sequential",
        "config": [{"class_name": "Flatten", "config": {"batch_input_shape": [None, 4, 2]}}],
    }
)


def imported(file: Path, package: str) -> set[str]:
    """Every module of ours that a file imports, wherever in it, by its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*(base if node.level else []), *filter(None, [node.module])])
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "speccompiler"}


def modules() -> list[tuple[str, str, Path]]:
    """Module, the package it is in, and its file."""
    found = []
    for package, folder in PACKAGES.items():
        for file in sorted(folder.rglob("*.py")):
            inner = ".".join((package, *file.parent.relative_to(folder).parts))
            name = inner if file.name == "__init__.py" else f"{inner}.{file.stem}"
            found.append((name, inner, file))
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


PIPELINE = (
    "frozen", "diagnostics", "system", "files", "expressions", "graph", "source", "loading",
    "lowering", "passes", "planning", "weights", "options", "arrays", "validation",
    "convert", "kernels", "policy", "reports", "comparing", "drawing", "editing", "targets",
    "tiling", "compiling", "carrying", "compiled", "running", "model", "dask", "xarray",
    "language_server",
)  # fmt: skip
"""The parts of speccompiler: each imports only those before it, and the schemas."""
TARGETS = (
    "speccompiler.kernels.reference",
    "speccompiler.kernels.cpu",
    "speccompiler.kernels.cuda",
)


@cache
def module_imports() -> dict[str, set[str]]:
    """What each module imports of ours, lazily and for type checkers too."""
    files = {name: (package, file) for name, package, file in modules()}
    found: dict[str, set[str]] = {}
    for name, (package, file) in files.items():
        names = {
            n for n in imported(file, package) if n in files and n not in ("speccompiler", name)
        }
        # Of a package whose module is imported only the module is meant.
        found[name] = {n for n in names if not any(other.startswith(f"{n}.") for other in names)}
    return found


def rank(module: str) -> int:
    """Where a module stands: schemas first, then the pipeline, the command line last."""
    if within(module, "speccompiler.schemas"):
        return -1
    if within(module, "speccompiler.cli", "speccompiler.__main__"):
        return len(PIPELINE) + 1
    return len(PIPELINE) if module == "speccompiler" else PIPELINE.index(module.split(".")[1])


@pytest.mark.parametrize("module", module_imports())
def test_imports_run_one_way(module: str) -> None:
    found = module_imports()[module]
    upwards = {name for name in found if rank(name) > rank(module)}
    assert not upwards
    if within(module, *TARGETS):
        # Targets know nothing of each other.
        mine = next(target for target in TARGETS if within(module, target))
        others = {name for name in found if within(name, *TARGETS) and not within(name, mine)}
        assert not others


def test_no_import_goes_in_circles() -> None:
    graph = module_imports()
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in finished:
            for name in sorted(graph[module]):
                visit(name, (*path, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def test_what_a_forked_process_may_need_is_kept_without_a_lock() -> None:
    """See ``system/cached_value.py``; a language server does not fork."""
    for name, _, file in modules():
        if not within(name, "speccompiler.language_server"):
            assert "cached_property" not in imported_names(file), name


def imported_names(file: Path) -> set[str]:
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {a.name for node in found if isinstance(node, ast.ImportFrom) for a in node.names}


def test_imports_name_whole_paths() -> None:
    for name, _, file in modules():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.ImportFrom) or node.level == 0, name


HOLDING = {
    "speccompiler": "the names of the library",
    "speccompiler.dask": "what users of Dask import",
    "speccompiler.diagnostics.codes": "the table of all codes",
    "speccompiler.passes": "the list of the passes, and why it has this order",
}
"""Packages that are more than a folder; what the others hold is imported from its module."""


def test_a_package_imports_nothing_for_convenience() -> None:
    packages = {name: file for name, package, file in modules() if name == package}
    importing = {
        name
        for name, file in packages.items()
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
    }
    assert importing == HOLDING.keys()


def test_the_walk_sees_relative_imports() -> None:
    seen = {name: imported(file, package) for name, package, file in modules()}
    assert len(seen) > 90
    assert "speccompiler.cli.render" in seen["speccompiler.cli.main"]
    assert "speccompiler.schemas.fields" in seen["speccompiler.schemas.pooling2d"]
    assert "speccompiler.source.document" in seen["speccompiler.model"]
    packing = seen["speccompiler.kernels.cpu.runtime.packed_weights"]
    assert "speccompiler.weights.operands" in packing


def test_schemas_import_only_pydantic() -> None:
    for _, package, file in modules():
        if not within(package, "speccompiler.schemas"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                top = str(node.module).split(".")[0]
                ours = str(node.module).startswith("speccompiler.schemas")
                assert ours or top in {"pydantic", "pydantic_core"} | sys.stdlib_module_names


def test_only_the_command_line_prints_or_exits() -> None:
    for name, _, file in modules():
        if within(name, "speccompiler.cli"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name):
                assert called.id not in {"print", "exit", "quit", "input", "eval"}, name
            if isinstance(called, ast.Attribute):
                assert ast.unparse(called) not in {"sys.exit", "os._exit"}, name


def loaded(*arguments: str, cwd: Path, stdin: str = "") -> tuple[int, set[str]]:
    """Exit status of a command in a process of its own, and the modules it has loaded."""
    code = (
        "import sys\n"
        "from speccompiler.cli import main\n"
        "status = main.run(sys.argv[1:])\n"
        "print('\\n' + ' '.join(sys.modules), file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
    )
    return done.returncode, set(done.stderr.splitlines()[-1].split())


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specs")
    (folder / "model.yaml").write_text(SPEC)
    (folder / "keras.json").write_text(KERAS)
    (folder / "bad.yaml").write_text(SPEC.replace("nb_row", "row"))
    return folder


OF_POLICY = {
    f"speccompiler.policy.{name}"
    for name in ("settings_file", "settings_keys", "judgement", "comments", "fingerprints")
}
"""What only a project needs that has decided something."""
HEAVY = {"numpy", "numba", "llvmlite", "h5py", "safetensors", "scipy", "psutil", "tabulate"}


@pytest.mark.parametrize(
    ("arguments", "status", "beside"),
    [
        (["--help"], 0, {"yaml", "pydantic", "difflib"}),
        (["--version"], 0, {"yaml", "pydantic"}),
        (["explain", "CS012"], 0, {"yaml", "pydantic"}),
        (["validate", "--help"], 0, set()),
        (
            ["validate", "model.yaml"],
            0,
            {"tomllib", "speccompiler.diagnostics.remedies", *OF_POLICY},
        ),
        (["validate", "keras.json"], 0, {"yaml"}),
        (["validate", "model.yaml", "--seed", "1"], 0, set()),
        (["validate", "bad.yaml", "--format", "json"], 1, set()),
        (["validate", "."], 1, set()),
        (["validate", "bad.yaml", "--diff"], 1, set()),
        (["fmt", "--check", "model.yaml"], 0, set()),
        (["fmt", "--check", "keras.json"], 0, {"yaml"}),
        (["schema"], 0, {"yaml"}),
        (["schema", "--of", "shapes"], 0, {"yaml", "pydantic"}),
        (["cache", "--help"], 0, {"yaml", "pydantic"}),
        (["cache", "--format", "json"], 0, {"yaml", "pydantic"}),
    ],
)
def test_what_is_checked_often_starts_light(
    specs: Path, arguments: list[str], status: int, beside: set[str]
) -> None:
    ended, names = loaded(*arguments, cwd=specs)
    assert ended == status
    assert names & (HEAVY | beside) == set()


@pytest.mark.parametrize("command", ["shapes", "render", "plan"])
def test_reports_load_neither_numba_nor_numpy(specs: Path, command: str) -> None:
    ended, names = loaded(command, "model.yaml", cwd=specs)
    assert ended == 0
    assert names & {"numpy", "numba", "llvmlite", "h5py", "safetensors"} == set()


@pytest.mark.parametrize(
    "style", ["text", "markdown", "json", "html", "github", "sarif", "junit", "gitlab"]
)
def test_comparisons_load_neither_numba_nor_numpy(specs: Path, style: str) -> None:
    arguments = ("diff", "model.yaml", "keras.json", "--semantics", "theano", "--format", style)
    ended, names = loaded(*arguments, cwd=specs)
    assert ended == 1
    heavy = {"numpy", "numba", "llvmlite", "h5py", "safetensors", "scipy", "tabulate"}
    assert names & heavy == set()
    # What only one format needs, and what only git and settings need.
    unused = {"speccompiler.drawing.diff_page"} if style != "html" else set()
    unused |= {"speccompiler.comparing.decisions", "speccompiler.cli.git_sides", "subprocess"}
    assert names & unused == set()


def test_weights_are_compared_without_numba(specs: Path) -> None:
    np.savez(specs / "w.npz", w=np.ones(2))
    ended, names = loaded("diff", "w.npz", "w.npz", cwd=specs)
    assert ended == 0
    assert names & {"numba", "llvmlite", "h5py", "scipy"} == set()


OTHER_FAMILIES = {"advanced_activations", "beyond_keras", "embedding", "local", "resizing"}
"""Modules of ``schemas`` with layers that are none of the spec's."""
UNSAID = {"regularizer", "constraint", "merge", "shared", "time_distributed", "pooling3d"}
"""Modules of ``schemas`` with arguments that the spec does not say, and layers of like families."""


@pytest.mark.parametrize("command", ["validate", "shapes"])
def test_only_layers_that_occur_are_loaded(specs: Path, command: str) -> None:
    ended, names = loaded(command, "model.yaml", cwd=specs)
    assert ended == 0
    assert names >= {"speccompiler.schemas.pooling2d", "speccompiler.lowering.pooling"}
    unused = {f"speccompiler.schemas.{name}" for name in OTHER_FAMILIES | UNSAID}
    unused |= {f"speccompiler.lowering.{name}" for name in {*OTHER_FAMILIES, "merge", "slicing"}}
    assert names & unused == set()


def test_a_warm_run_loads_little(specs: Path) -> None:
    """Neither what compiles, nor what draws weights that are packed, nor what tells of either."""
    np.save(specs / "x.npy", np.ones((1, 8, 8, 1), np.float32))
    arguments = ("run", "model.yaml", "--seed", "1", "--input", "x.npy")
    assert loaded(*arguments, cwd=specs)[0] == 0
    ended, names = loaded(*arguments, cwd=specs)
    assert ended == 0
    assert names >= {"numpy", "llvmlite"}
    idle = {"numba", "psutil", "h5py", "safetensors", "tabulate", "scipy", "numpy.random"}
    assert names & {*idle, "logging", "statistics"} == set()


def test_importing_the_library_loads_little() -> None:
    code = "import sys, speccompiler; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    light = HEAVY | {"pydantic", "yaml", "click", "dask", "distributed", "xarray"}
    assert set(out.stdout.split()) & light == set()
