"""What a user holds: a validated model, which compiles, runs and reports.

The pipeline, whole::

    read_document -> load_spec -> lower -> optimize -> make_plan -> CpuExecutor
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError
from speccompiler.diagnostics.wording import described, shown
from speccompiler.graph.shapes import format_shape
from speccompiler.loading.argument_checks import (
    check_choice,
    check_counts,
    checked_names,
    checked_tile,
)
from speccompiler.loading.spec import OrderingName, SemanticsName
from speccompiler.options import CompileOptions, InputShapes, LoadOptions, MathName
from speccompiler.source.document import Document, DocumentSource
from speccompiler.source.files import read_document
from speccompiler.source.texts import parse_document, read_again
from speccompiler.validation.validate import validate
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.sources import MatchName

if TYPE_CHECKING:
    from speccompiler.comparing.model_diff import ModelDiff
    from speccompiler.compiled import CompiledModel, Inputs
    from speccompiler.kernels.executor import Array
    from speccompiler.loading.replacement.answers import Answers
    from speccompiler.planning.plan import Plan
    from speccompiler.reports.shape_report import ShapeReport
    from speccompiler.tiling.tile_sizes import TileSizes


class Model(ValidatedModel):
    """A model without errors. ``diagnostics`` holds its warnings and notes.

    It pickles by its sources: the text of the spec, the options, and the names of the files
    with weights, which must be there where it is unpickled.
    """

    def __repr__(self) -> str:
        inputs = ", ".join(format_shape(node.shape) for node in self.graph.inputs)
        count = len(self.spec.layers)
        noun = "layer" if count == 1 else "layers"
        return f"<Model '{shown(self.name)}': {count} {noun}, input {inputs}>"

    def _repr_html_(self) -> str:
        return self.shapes()._repr_html_()

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Any, ...]]:
        options = self.options
        if options.weights is not None:
            options = replace(options, weights=options.weights.absolute())
        return load_again, (self.loaded.document.source(), options)

    def shapes(self, input_shape: InputShapes | None = None) -> ShapeReport:
        """The shape report; ``input_shape`` binds open lengths (one sample, no batch axis).

        With several inputs it is a mapping from their names to shapes, here and elsewhere.

        >>> report = speccompiler.load("examples/specs/lenet.yaml").shapes()
        >>> report.parameters, report.layers[0].output_shape
        (61706, (28, 28, 6))
        """
        from speccompiler.reports.shape_report import shape_report

        return shape_report(self.spec, self.bind(input_shape)[0])

    def plan(self, input_shape: InputShapes | None = None, layers: Sequence[str] = ()) -> Plan:
        """The plan for an input of this shape; ``layers`` are kept as extra outputs.

        Raises ``SpecError``: CS052 while a length is open, CS050 without semantics.
        """
        from speccompiler.kernels.cpu import table as cpu_kernels
        from speccompiler.passes import optimize
        from speccompiler.planning.plan import make_plan

        return make_plan(optimize(self.tapped(input_shape, layers)[0]), cpu_kernels)

    def compile(
        self,
        target: str = "cpu",
        *,
        batch_size: int | None = None,
        threads: int | None = None,
        input_shape: InputShapes | None = None,
        layers: Sequence[str] = (),
        apply_constraints: bool = False,
        math: MathName = "fast",
        samples: int | None = None,
        tune: bool = False,
        tile: TileSizes | None = None,
    ) -> CompiledModel:
        """Load the weights and make the model ready to run. Raises ``SpecError``.

        ``math="precise"`` leaves out kernels that round more (Winograd): errors stay below
        5e-6 of the largest output over a network instead of 5e-5. ``samples``, where it is
        known, keeps the default batch from being larger. ``tune`` measures how the tasks of
        each step are best cut on this machine, which takes up to minutes and changes no bits;
        later runs find the answer in the cache. ``tile`` makes every run one in tiles, as
        ``CompiledModel.run_tiled`` takes it: nothing the size of the whole image is held but its
        inputs and outputs. A text as ``layers`` is one name.

        >>> model = speccompiler.load("examples/specs/lenet.yaml")
        >>> model.compile(batch_size=8, threads=2)
        <CompiledModel 'lenet' for cpu: batches of 8, 2 threads>
        """
        try:
            if not isinstance(target, str):
                raise Problem("CS024", f"'target' is {described(target)}, not a name")
            check_choice("math", math, MathName)
            check_counts(batch_size=batch_size, threads=threads, samples=samples)
            named = checked_names("layers", layers)
            sizes = None if tile is None else checked_tile(tile)
        except Problem as problem:
            raise self.refused(problem) from None
        options = CompileOptions(
            target,
            batch_size,
            threads,
            input_shape,
            named,
            apply_constraints,
            math,
            samples,
            tune,
            sizes,
        )
        return self.compiled(options)

    def compiled(self, options: CompileOptions) -> CompiledModel:
        """What ``compile`` does, for options that are gathered already."""
        from speccompiler.running.open_model import compile_model

        return compile_model(self, options)

    def run(self, x: Inputs) -> Array | Any:
        """Compile for these arrays and run them once; see ``CompiledModel.run``.

        >>> model = speccompiler.load("examples/specs/lenet.yaml")
        >>> model.run(np.zeros((2, 28, 28, 1))).shape
        (2, 10)
        """
        try:
            from speccompiler.validation.input_checks import by_input

            arrays = by_input(x, self.input_names, "array")
        except Problem as problem:
            raise self.refused(problem) from None
        return self.compile(input_shape=_sample_shapes(arrays)).run(arrays)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        weights: str | os.PathLike[str] | None = None,
        to_semantics: Literal["tensorflow", "theano"] | None = None,
        to_dim_ordering: OrderingName | None = None,
    ) -> tuple[Path, ...]:
        """Write the model as another kind of file, as ``convspec convert`` does; the files' paths.

        The end of the name says the kind: ``.yaml`` a native spec, whose weights go into the
        ``.safetensors`` file ``weights``, by default beside it; ``.onnx`` for ONNX Runtime;
        ``.keras`` for Keras 3. ``to_semantics`` and ``to_dim_ordering`` are what the model is to
        become. A file is there when it is complete, and takes the place of another of its name;
        one that the model is read from is never written over. Raises ``SpecError`` with the
        codes of ``convert``: CS095 without weights, CS250, CS251 and CS270 for what a format
        cannot say, CS104 for a missing package, CS120 and CS121 for what cannot be written.

        >>> speccompiler.load("examples/specs/lenet.yaml").save("lenet.onnx")
        (PosixPath('lenet.onnx'),)
        """
        from speccompiler.convert import saving

        try:
            target, beside = _target("path", path), None
            kind = saving.kind_of(target)
            if kind is None:
                raise Problem(
                    "CS120", f"the name '{target}' says no kind of file", f"end it {saving.NAMES}"
                )
            if weights is not None:
                beside = _target("weights", weights)
                if kind != "spec" or beside.suffix.lower() != ".safetensors":
                    raise Problem(
                        "CS120",
                        f"'weights' is '{beside}': only a .yaml file has weights beside it, in a "
                        ".safetensors file",
                        "name one, or leave it out",
                    )
            check_choice("to_semantics", to_semantics, Literal["tensorflow", "theano"])
            check_choice("to_dim_ordering", to_dim_ordering, OrderingName)
        except Problem as problem:
            raise self.refused(problem) from None
        saving.check_package(target, kind)
        converted = saving.converted_for(
            self, kind, semantics=to_semantics, dim_ordering=to_dim_ordering
        )
        return tuple(file.path for file in saving.write(converted, kind, target, beside))


def _target(keyword: str, given: object) -> Path:
    """A path to write to. CS024."""
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise Problem("CS024", f"'{keyword}' is {described(given)}, not a str or a Path")
    return Path(given)


def _sample_shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    import numpy as np

    return {name: tuple(np.shape(array)[1:]) for name, array in arrays.items()}


def load(
    path: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
) -> Model:
    """Read and validate a model; raises ``SpecError`` with every finding.

    A file that ``model.save()`` wrote holds its weights. ``weights_by`` says how tensors of
    a Keras HDF5 file find their layers: by name, or in the order of the layers; by default
    names decide where they fit, else the order. ``replace`` says what Lambda and custom layers
    compute, by their names: ``{"lambda_1": "x / 127.5 - 1"}``, a layer as a mapping
    (``{"type": "Slice", "axis": -1, "step": -1}``), or a list of these.

    >>> speccompiler.load("examples/specs/lenet.yaml")
    <Model 'lenet': 8 layers, input (28, 28, 1)>
    """
    given: object = path
    if not isinstance(given, str | os.PathLike):
        problem = Problem("CS024", f"the path is a {type(given).__name__}, not a str or a Path")
        raise SpecError([problem.at()])
    file = None if weights is None else _weights_path(weights)
    options = LoadOptions(file, semantics, dim_ordering, seed, weights_by, replace)
    return _loaded(read_document(Path(path)), options)


def loads(
    text: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
    file: str = "<text>",
) -> Model:
    """Validate a model that is a text, YAML or JSON; raises ``SpecError``.

    Files that it names are relative to the folder of ``file``, the name that findings show;
    by default to the current folder. See ``load``.

    >>> text = '{"convspec": 1, "input_shape": [2, 3], "layers": [{"type": "Flatten"}]}'
    >>> speccompiler.loads(text).shapes().layers[0].output_shape
    (6,)
    """
    given: object = text
    if not isinstance(given, str):
        problem = Problem("CS024", f"the text is a {type(given).__name__}, not a str")
        raise SpecError([problem.at(file=file)])
    path = None if weights is None else _weights_path(weights)
    options = LoadOptions(path, semantics, dim_ordering, seed, weights_by, replace)
    return _loaded(parse_document(text, file), options)


def as_model(given: Model | str | os.PathLike[str]) -> Model:
    """The model; one that a path names is loaded as it says itself. Raises ``SpecError``."""
    return given if isinstance(given, Model) else load(given)


def diff(
    old: str | os.PathLike[str] | Model,
    new: str | os.PathLike[str] | Model,
    *,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    replace: Answers | None = None,
    input_shape: InputShapes | None = None,
) -> ModelDiff:
    """What changed from one model to another; each is a model, or a path that ``load`` takes.

    The keywords are for both, as ``load`` has them; ``input_shape`` binds open lengths. Models
    that are loaded already keep their semantics and orderings. ``print`` shows a line for each
    change. Raises ``SpecError`` for a model with errors.

    >>> found = speccompiler.diff("examples/specs/lenet.yaml", "examples/specs/lenet.yaml")
    >>> found.same, found.impact, found.changes
    (True, None, ())
    """
    from speccompiler.comparing.compare import compare

    def held(given: str | os.PathLike[str] | Model) -> Model:
        if isinstance(given, Model):
            return given
        return load(given, semantics=semantics, dim_ordering=dim_ordering, replace=replace)

    return compare(held(old), held(new), input_shape=input_shape)


def _weights_path(given: str | os.PathLike[str]) -> Path:
    """The path of a weight file; ``SpecError`` for an empty name, which Path makes a folder of."""
    if not os.fspath(given):
        raise SpecError(
            [Problem("CS100", "cannot read weight file '': the name is empty", "name a file").at()]
        )
    return Path(given)


def _loaded(document: Document, options: LoadOptions) -> Model:
    model, diagnostics = checked(document, options)
    if model is None:
        raise SpecError(diagnostics)
    return model


def load_again(source: DocumentSource, options: LoadOptions) -> Model:
    """The model of a document and its options, read anew: what a pickle leads to."""
    return _loaded(read_again(source), options)


def check(
    document: Document,
    *,
    weights: Path | None = None,
    semantics: SemanticsName | None = None,
    dim_ordering: OrderingName | None = None,
    seed: int | None = None,
    weights_by: MatchName | None = None,
    replace: Answers | None = None,
    input_shape: InputShapes | None = None,
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """Validate a document: the model, or None, and everything that was found.

    ``input_shape`` is what open lengths will be bound to. It is asked for where a model fits
    for no length that is open, such as a Dense that reads a flattened image.

    Raises ``SpecError`` for a keyword that can mean nothing: CS023, CS024, CS025.
    """
    options = LoadOptions(weights, semantics, dim_ordering, seed, weights_by, replace, input_shape)
    return checked(document, options)


def checked(
    document: Document, options: LoadOptions
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """What ``check`` does, for options that are gathered already."""
    return validate(document, options, Model)
