"""Two models become the list of what changed between them.

outline -> align -> shape causes -> changes of layers, then of the whole
"""

from __future__ import annotations

from collections.abc import Iterator

from speccompiler.comparing import layer_changes, weight_changes
from speccompiler.comparing.alignment import align
from speccompiler.comparing.amounts import amount_changes, amounts
from speccompiler.comparing.interface import input_changes, output_changes
from speccompiler.comparing.model_changes import (
    compared_semantics,
    semantics_changes,
    sight_changes,
)
from speccompiler.comparing.model_diff import Change, LayerPair, Match, ModelDiff
from speccompiler.comparing.outline import outline
from speccompiler.comparing.shape_causes import ShapeCauses, shape_causes
from speccompiler.comparing.sides import Side, Sides
from speccompiler.comparing.tensor_fit import stored_by_layer
from speccompiler.options import InputShapes
from speccompiler.reports.shape_report import shape_report
from speccompiler.validation.validated import ValidatedModel

SHOWN = {
    "operations": "compute the same numbers with",
    "samples": "give the same numbers for random samples with",
}


def compare(
    old: ValidatedModel,
    new: ValidatedModel,
    *,
    old_name: str | None = None,
    new_name: str | None = None,
    input_shape: InputShapes | None = None,
) -> ModelDiff:
    """What changed from one model to the other; names are those of their files by default.

    ``input_shape`` binds open lengths of both. Raises ``SpecError`` where it does not suit one.
    """
    one, other = _side(old, input_shape), _side(new, input_shape)
    names = (
        old.loaded.document.shown_file if old_name is None else old_name,
        new.loaded.document.shown_file if new_name is None else new_name,
    )
    alignment = align(one.outline, other.outline)
    reformed = _form(old) != _form(new)
    own_weights = reformed and new.names_weights
    sides = Sides(one, other, alignment, compared_semantics(old, new), own_weights)
    if reformed:
        from speccompiler.comparing.same_function import computes_the_same

        shown = computes_the_same(old, new)
        if shown is not None:
            return _in_another_form(sides, SHOWN[shown], *names)
    causes = shape_causes(sides)
    pairs = tuple(_pairs(sides, causes))
    totals = amounts(one.report, other.report)
    whole = (
        *input_changes(sides),
        *output_changes(sides),
        *semantics_changes(sides),
        *amount_changes(sides, totals, pairs),
        *sight_changes(sides),
    )
    diverging = (n for n in sorted(causes.output) if n in alignment.to_old)
    first = next(diverging, None)
    return ModelDiff(
        one.report,
        other.report,
        *names,
        pairs,
        (*whole, *(change for pair in pairs for change in pair.changes)),
        None if first is None else other.name(first),
        totals,
    )


def _form(model: ValidatedModel) -> str:
    """Whose layers or operations a file has: ONNX's, or those of a major release of Keras."""
    if model.spec.onnx is not None:
        return "onnx"
    return "3" if (model.spec.keras_version or "").startswith("3") else "1"


def _in_another_form(sides: Sides, shown: str, old_name: str, new_name: str) -> ModelDiff:
    """CD607, and what else a user of the model sees: its inputs and outputs."""
    one, other = sides.old, sides.new
    counts = [len(side.outline.items) for side in (one, other)]
    said = sides.change(
        "CD607",
        f"{counts[0]} layers -> {counts[1]} layers that {shown} the weights that both files hold",
        old=str(counts[0]),
        new=str(counts[1]),
    )
    pairs = tuple(
        LayerPair(
            Match.SAME if one.name(partner) == other.name(number) else Match.RENAMED,
            one.layer_report(partner),
            other.layer_report(number),
        )
        for number, partner in sorted(sides.alignment.to_old.items())
    )
    changes = (said, *input_changes(sides), *output_changes(sides))
    totals = amounts(one.report, other.report)
    return ModelDiff(one.report, other.report, old_name, new_name, pairs, changes, None, totals)


def _side(model: ValidatedModel, input_shape: InputShapes | None) -> Side:
    graph, _ = model.bind(input_shape)
    return Side(
        model,
        outline(model.spec, graph),
        shape_report(model.spec, graph),
        stored_by_layer(graph),
    )


def _pairs(sides: Sides, causes: ShapeCauses) -> Iterator[LayerPair]:
    """The new layers in their order, with what is gone behind what it stood behind."""
    to_old, to_new = sides.alignment.to_old, sides.alignment.to_new
    behind: dict[int, list[int]] = {}
    anchor = -1
    for partner in range(len(sides.old.outline.items)):
        number = to_new.get(partner)
        if number is None:
            behind.setdefault(anchor, []).append(partner)
        elif number not in sides.alignment.wiring.moved:
            anchor = number
    for partner in behind.get(-1, ()):
        yield _gone(sides, causes, partner)
    for number in range(len(sides.new.outline.items)):
        if number in to_old:
            yield _kept(sides, causes, to_old[number], number)
        else:
            yield _came(sides, causes, number)
        for gone in behind.get(number, ()):
            yield _gone(sides, causes, gone)


def _gone(sides: Sides, causes: ShapeCauses, partner: int) -> LayerPair:
    tensors = weight_changes.tensors_of(sides, partner, None)
    name = sides.old.name(partner)
    changes = (
        *layer_changes.removed(sides, partner),
        *weight_changes.weight_changes(sides, causes, None, name, tensors),
    )
    return LayerPair(Match.REMOVED, sides.old.layer_report(partner), None, changes, tensors)


def _came(sides: Sides, causes: ShapeCauses, number: int) -> LayerPair:
    tensors = weight_changes.tensors_of(sides, None, number)
    name = sides.new.name(number)
    changes = (
        *layer_changes.inserted(sides, number),
        *weight_changes.weight_changes(sides, causes, number, name, tensors),
    )
    return LayerPair(Match.INSERTED, None, sides.new.layer_report(number), changes, tensors)


def _kept(sides: Sides, causes: ShapeCauses, partner: int, number: int) -> LayerPair:
    tensors = weight_changes.tensors_of(sides, partner, number)
    name = sides.new.name(number)
    changes: tuple[Change, ...] = (
        *layer_changes.paired(sides, causes, partner, number),
        *weight_changes.weight_changes(sides, causes, number, name, tensors),
    )
    return LayerPair(
        _match(sides, partner, number, changes),
        sides.old.layer_report(partner),
        sides.new.layer_report(number),
        changes,
        tensors,
    )


def _match(sides: Sides, partner: int, number: int, changes: tuple[Change, ...]) -> Match:
    """One word for how two layers belong together; the changes say the rest."""
    if any(change.code == "CD205" for change in changes):
        return Match.REPLACED
    if number in sides.alignment.wiring.moved:
        return Match.MOVED
    renamed = sides.old.name(partner) != sides.new.name(number)
    return Match.RENAMED if renamed else Match.SAME
