"""The changes of the model as a whole: its semantics, its weights, what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from speccompiler.comparing.argument_effects import Effect, difference
from speccompiler.comparing.layer_arguments import value_text
from speccompiler.comparing.lowered_alone import comparable, lowered_alone
from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.comparing.sides import Sides
from speccompiler.comparing.tensor_fit import draws_weights
from speccompiler.comparing.wording import quoted_few
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.states import fixed_batch, stateful_layers
from speccompiler.reports.layer_report import LayerReport
from speccompiler.validation.validated import ValidatedModel, decided_semantics


def compared_semantics(old: ValidatedModel, new: ValidatedModel) -> tuple[Semantics, Semantics]:
    """What both are lowered by: a model that says nothing follows the other one."""
    one, other = (
        None if model.spec.semantics is None else comparable(decided_semantics(model.spec))
        for model in (old, new)
    )
    default = comparable(decided_semantics(old.spec))
    return one or other or default, other or one or default


def semantics_changes(sides: Sides) -> Iterator[Change]:
    """CD601 to CD606."""
    old, new = sides.old.model, sides.new.model
    if (old.spec.semantics is None) != (new.spec.semantics is None):
        yield from _decided(sides)
    elif sides.semantics[0] != sides.semantics[1]:
        yield from _other_rules(sides)
    else:
        yield from _other_release(sides)
    if old.spec.seed != new.spec.seed:
        drawn = draws_weights(old) and draws_weights(new)
        one, other = value_text(old.spec.seed), value_text(new.spec.seed)
        yield sides.change(
            "CD604",
            f"seed {one} -> {other}",
            argument="seed",
            old=one,
            new=other,
            impact=None if drawn else Impact.NOTE,
        )
    yield from _weights(sides)
    yield from _batch(sides)


def _batch(sides: Sides) -> Iterator[Change]:
    """CD606 where both carry states, for batches of different sizes."""
    specs = sides.old.model.spec, sides.new.model.spec
    old, new = (fixed_batch(spec) for spec in specs)
    if old == new or not all(any(stateful_layers(spec)) for spec in specs):
        return
    one, other = value_text(old), value_text(new)
    yield sides.change(
        "CD606",
        f"batch_size {one} -> {other}: the samples are other sequences",
        argument="batch_size",
        old=one,
        new=other,
    )


def _decided(sides: Sides) -> Iterator[Change]:
    """Where one model leaves the backend open and its numbers depend on that."""
    old, new = sides.old.model, sides.new.model
    open_one, told = (old, new) if old.spec.semantics is None else (new, old)
    differing = open_one.undecided()
    if not differing:
        return
    assert told.spec.semantics is not None, "one of the two says its semantics"
    profile = told.spec.semantics.profile
    one, other = ("open", profile) if open_one is old else (profile, "open")
    which = "the old model leaves" if open_one is old else "the new model leaves"
    yield sides.change(
        "CD603",
        f"semantics {one} -> {other}: {which} it open, and the numbers of "
        f"{quoted_few(differing)} depend on it",
        argument="semantics",
        old=one,
        new=other,
    )


def _other_rules(sides: Sides) -> Iterator[Change]:
    """CD601 with the layers whose numbers change by the rules alone, else CD602.

    Two releases of Keras that the files were written by are no change by themselves.
    """
    one, other = sides.semantics
    rules = [
        f"{field.name} {getattr(one, field.name)} -> {getattr(other, field.name)}"
        for field in fields(Semantics)
        if getattr(one, field.name) != getattr(other, field.name)
    ]
    names = _depending(sides)
    specs = (sides.old.model.spec, sides.new.model.spec)
    old, new = (None if s.semantics is None else s.semantics.profile for s in specs)
    if not names and specs[0].semantics == specs[1].semantics:
        return
    text = f"semantics {', '.join(rules)}"
    text += f": the numbers of {quoted_few(names)} change" if names else ", which changes nothing"
    code = "CD601" if names else "CD602"
    yield sides.change(code, text, argument="semantics", old=old, new=new)


def _other_release(sides: Sides) -> Iterator[Change]:
    """CD601 where only the releases that wrote two equal files differ, and what they compute.

    A release decides what becomes of masks between layers, which no layer by itself shows.
    """
    old, new = sides.old.model, sides.new.model
    one, other = decided_semantics(old.spec), decided_semantics(new.spec)
    said = old.spec.layers, old.spec.calls, old.spec.outputs
    if one.release == other.release or replace(one, release=other.release) != other:
        return
    if said != (new.spec.layers, new.spec.calls, new.spec.outputs):
        return
    nodes = old.graph.by_name(), new.graph.by_name()
    differing = {
        node.layer: None
        for graph, others in ((old.graph, nodes[1]), (new.graph, nodes[0]))
        for node in graph
        if others.get(node.name) != node
    }
    if differing:
        yield sides.change(
            "CD601",
            f"keras_version {one.release} -> {other.release}: the numbers of "
            f"{quoted_few(list(differing))} change",
            argument="semantics",
            old=one.release,
            new=other.release,
        )


def _depending(sides: Sides) -> list[str]:
    """The layers that compute something else by the other rules."""
    known: dict[object, bool] = {}
    found: dict[str, None] = {}
    for number in sides.alignment.to_old:
        item = sides.new.outline.items[number]
        shapes = sides.new.outline.input_shapes(number)
        key = item.said, shapes
        if key not in known:
            one, other = (lowered_alone(item.layer, rules, shapes) for rules in sides.semantics)
            known[key] = difference(one, other) is not Effect.NONE
        if known[key]:
            found[item.layer.name or item.name] = None
    return list(found)


def _weights(sides: Sides) -> Iterator[Change]:
    """CD605 where the specs name other files, or hold other digests."""
    one, other = sides.old.model.spec, sides.new.model.spec
    if one.weights == other.weights and one.weights_sha256 == other.weights_sha256:
        return
    digests = one.weights_sha256, other.weights_sha256
    same = digests[0] == digests[1]
    if None not in digests and same:
        return  # the same tensors in another file
    old, new = value_text(one.weights), value_text(other.weights)
    text = f"weights {old} -> {new}" if old != new else "weights with another digest"
    impact = None if None in digests else Impact.BREAKING
    yield sides.change("CD605", text, argument="weights", old=old, new=new, impact=impact)


def sight_changes(sides: Sides) -> Iterator[Change]:
    """CD402 and CD403: what the outputs see, and how far apart their values lie."""
    old, new = sides.old, sides.new
    for name in old.outline.spec.outputs:
        number = sides.alignment.to_new.get(old.outline.numbers[name])
        if number is None or new.name(number) not in new.outline.spec.outputs:
            continue
        one, other = old.layer_report(old.outline.numbers[name]), new.layer_report(number)
        for code, what, text in (
            ("CD402", "receptive field", _field_text),
            ("CD403", "stride", _stride_text),
        ):
            before, after = text(one), text(other)
            if before != after:
                yield sides.change(
                    code,
                    f"{what} of output '{other.name}' {before} -> {after}",
                    layer=other.name,
                    old=before,
                    new=after,
                )


def _field_text(layer: LayerReport) -> str:
    if layer.receptive_field is None:
        return "all"
    return "x".join(map(str, layer.receptive_field)) or "unknown"


def _stride_text(layer: LayerReport) -> str:
    return "none" if layer.stride is None else "x".join(map(str, layer.stride)) or "1"
