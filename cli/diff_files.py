"""The files of a comparison, each pair compared on its own: errors of one hide no other."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.cli.compared_sides import Inputs, Side, SidePair, Sides
from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.comparing.compare import compare
from speccompiler.comparing.file_diff import FileDiff, added, moved, removed, repaired
from speccompiler.comparing.model_diff import Change
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.source.document import Document


def compared_files(sides: Sides, loading: LoadOptions, inputs: Inputs) -> tuple[FileDiff, ...]:
    """Every pair of files as what became of it; weights are not looked at."""
    options = replace(loading, look_for_weights=False)
    return tuple(_compared(pair, sides, options, inputs) for pair in sides.pairs)


def _compared(pair: SidePair, sides: Sides, options: LoadOptions, inputs: Inputs) -> FileDiff:
    old, new = pair.old, pair.new
    names = (None if old is None else old.name, None if new is None else new.name)
    if old is not None and new is not None and not sides.single and _equal(old, new):
        own = (moved(old.path, new.path, new.place),) if old.place != new.place else ()
        return FileDiff(*names, pair.path, bool(own), own_changes=own, unchanged=True)
    before, after = (
        (None, ()) if side is None else loaded_side(side, options, inputs) for side in (old, new)
    )
    # Of a file that was repaired or removed nobody has to know what was wrong.
    errors = [d for d in after[1] if d.severity is Severity.ERROR]
    if sides.single:
        errors = [*(d for d in before[1] if d.severity is Severity.ERROR), *errors]
    if errors:
        return FileDiff(*names, pair.path, diagnostics=tuple(errors))
    try:
        if old is not None and new is not None and before[0] is not None and after[0] is not None:
            return _both(old, new, sides, (before[0], after[0]), options, inputs)
        return _one(pair, before[0], after[0], options)
    except SpecError as error:
        found = tuple(map(inputs.copies.located, error.diagnostics))
        return FileDiff(*names, pair.path, diagnostics=found)


def _one(
    pair: SidePair, before: Model | None, after: Model | None, loading: LoadOptions
) -> FileDiff:
    """A file that was added or removed, or whose old version could not be read."""
    model = before if pair.new is None else after
    report = None if model is None else model.shapes(loading.input_shape)
    if pair.new is None:
        assert pair.old is not None, "a pair has a side"
        return removed(pair.old.name, pair.path, pair.old.place, report)
    assert report is not None, "without errors there is a model"
    made = added if pair.old is None else repaired
    return made(pair.new.name, pair.path, pair.new.place, report)


def _both(
    old: Side,
    new: Side,
    sides: Sides,
    models: tuple[Model, Model],
    options: LoadOptions,
    inputs: Inputs,
) -> FileDiff:
    diff = compare(*models, old_name=old.name, new_name=new.name, input_shape=options.input_shape)
    is_moved = not sides.single and old.place != new.place
    own = (moved(old.path, new.path, new.place),) if is_moved else ()
    file = FileDiff(old.name, new.name, new.path, is_moved, diff, own_changes=own)

    def located(change: Change) -> Change:
        return replace(
            change, file=None if change.file is None else inputs.copies.said(change.file)
        )

    return file.mapped(located)


def loaded_side(
    side: Side, options: LoadOptions, inputs: Inputs
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """The model of a side, or None, and what was found; its texts are kept to be shown."""
    _remember(side.document, inputs)
    model, found = checked(side.document, options)
    return model, tuple(map(inputs.copies.located, found))


def _remember(document: Document | None, inputs: Inputs) -> None:
    kept = SpecTexts.of_command()
    while document is not None:
        kept[inputs.copies.said(document.file)] = document.text
        document = document.wrapper


def _equal(old: Side, new: Side) -> bool:
    """Whether two files say the same, letter by letter, and name no other that may differ."""
    one, other = old.document, new.document
    apart = (one.wrapper, other.wrapper, one.holder, other.holder)
    same = one.text == other.text and one.root is not None
    return same and not any(apart) and _name(old) == _name(new)


def _name(side: Side) -> str:
    """The name of the file, which a model without a name has."""
    return side.place.rsplit("/", 1)[-1]
