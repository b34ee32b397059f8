"""The changes of one layer: of its name and place, its arguments and its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from speccompiler.comparing.argument_effects import Changed, Effect, difference
from speccompiler.comparing.layer_arguments import same_type, value_text
from speccompiler.comparing.lowered_alone import lowered_alone
from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.comparing.rewiring import slots
from speccompiler.comparing.shape_causes import ShapeCauses
from speccompiler.comparing.sides import Side, Sides
from speccompiler.comparing.tensor_fit import draws_weights
from speccompiler.comparing.wording import because, listed, quoted_few, shape_text
from speccompiler.schemas.fields import Layer

_COMMUTES = frozenset({"sum", "mul", "ave", "max"})
_EFFECTS = {Effect.NONE: "CD303", Effect.NUMBERS: "CD302", Effect.SHAPE: "CD301"}


def inserted(sides: Sides, number: int) -> Iterator[Change]:
    """What is to be said of a layer that came."""
    item = sides.new.outline.items[number]
    idle = _does_nothing(sides, sides.new, number)
    code = "CD208" if idle else "CD201"
    text = f"inserted {_after(sides.new, number)}{_further_call(sides.new, number)}{_idle(idle)}"
    yield sides.change(code, text, layer=item.name, new=item.layer.class_name)


def removed(sides: Sides, partner: int) -> Iterator[Change]:
    """What is to be said of a layer that went."""
    item = sides.old.outline.items[partner]
    idle = _does_nothing(sides, sides.old, partner)
    code = "CD209" if idle else "CD202"
    text = f"removed {_from(_after(sides.old, partner))}{_further_call(sides.old, partner)}"
    text += _idle(idle)
    yield sides.change(code, text, layer=item.name, old=item.layer.class_name, gone=True)


def paired(sides: Sides, causes: ShapeCauses, partner: int, number: int) -> Iterator[Change]:
    """What is to be said of a layer that both models have."""
    one, other = sides.old.outline.items[partner], sides.new.outline.items[number]
    wiring = sides.alignment.wiring
    if one.name != other.name and not (one.generated and other.generated):
        yield sides.change(
            "CD203", f"renamed from '{one.name}'", layer=other.name, old=one.name, new=other.name
        )
    if number in wiring.moved:
        yield _moved(sides, partner, number)
    elif number in wiring.rewired:
        yield _rewired(sides, partner, number)
    if other.first and one.said != other.said:
        yield from _arguments(sides, partner, number)
    if other.first != one.first:
        now = "shares the weights of" if one.first else "no longer shares the weights of"
        layer = (other if one.first else one).layer.name
        yield sides.change("CD211", f"{now} '{layer}'", layer=other.name)
    if number in causes.output:
        own = causes.own(number, other.name)
        after = () if own else causes.output[number]
        old, new = (
            shape_text(sides.old.outline.shape(partner)),
            shape_text(sides.new.outline.shape(number)),
        )
        text = f"output {old} -> {new}{because(after)}"
        yield sides.change("CD401", text, layer=other.name, old=old, new=new, because=after)


def _does_nothing(sides: Sides, side: Side, number: int) -> bool:
    semantics = sides.semantics[side is sides.new]
    item = side.outline.items[number]
    alone = lowered_alone(item.layer, semantics, side.outline.input_shapes(number))
    return alone is not None and alone.does_nothing


def _idle(idle: bool) -> str:
    return "; no effect on a forward pass" if idle else ""


def _further_call(side: Side, number: int) -> str:
    item = side.outline.items[number]
    return "" if item.first else f", a further call of '{item.layer.name}'"


def _after(side: Side, number: int) -> str:
    """``after 'conv1'``: where a call stands in the graph."""
    reads = side.outline.items[number].reads
    if all(read < 0 for read in reads):
        return (
            "at the input"
            if len(side.outline.spec.inputs) == 1
            else (f"at input {quoted_few([side.name(read) for read in reads])}")
        )
    return f"after {quoted_few([side.name(read) for read in reads])}"


def _from(place: str) -> str:
    return f"from {_to(place)}"


def _to(place: str) -> str:
    """A place behind another preposition: ``the input`` instead of ``at the input``."""
    return place.removeprefix("at ")


def _moved(sides: Sides, partner: int, number: int) -> Change:
    idle = _does_nothing(sides, sides.new, number) and _does_nothing(sides, sides.old, partner)
    before, after = _after(sides.old, partner), _after(sides.new, number)
    name = sides.new.name(number)
    text = f"moved {_from(before)} to {_to(after)}" if before != after else f"moved; still {after}"
    text += _idle(idle)
    return sides.change("CD210" if idle else "CD204", text, layer=name, old=before, new=after)


def _rewired(sides: Sides, partner: int, number: int) -> Change:
    olds = slots(sides.old.outline, partner)
    news = slots(sides.new.outline, number)
    commutes = getattr(sides.new.outline.items[number].layer, "mode", None) in _COMMUTES
    turned = commutes and _same_values(sides, partner, number)
    text = f"reads {quoted_few(news)} instead of {quoted_few(olds)}"
    text += "; their order makes no difference" if turned else ""
    return sides.change(
        "CD207" if turned else "CD206",
        text,
        layer=sides.new.name(number),
        argument="inputs",
        old=listed(olds),
        new=listed(news),
    )


def _same_values(sides: Sides, partner: int, number: int) -> bool:
    """Whether a call reads the same values, in whatever order."""
    alignment = sides.alignment
    olds = [
        alignment.inputs[read] if read < 0 else alignment.to_new.get(read)
        for read in sides.old.outline.items[partner].reads
    ]
    return Counter(olds) == Counter(sides.new.outline.items[number].reads)


def _arguments(sides: Sides, partner: int, number: int) -> Iterator[Change]:
    one, other = sides.old.outline.items[partner], sides.new.outline.items[number]
    if not same_type(one.layer, other.layer):
        yield _replaced(sides, partner, number)
        return
    for found in sides.arguments(partner, number):
        yield _argument(sides, partner, number, found)


def _replaced(sides: Sides, partner: int, number: int) -> Change:
    """CD205; a note where both types compute the same, as two that do nothing."""
    one, other = sides.old.outline.items[partner], sides.new.outline.items[number]
    old, new = _type(one.layer), _type(other.layer)
    before = lowered_alone(one.layer, sides.semantics[0], sides.old.outline.input_shapes(partner))
    same = difference(before, sides.new_over_old(partner, number)) is Effect.NONE
    return sides.change(
        "CD205",
        f"{old} -> {new}" + (", which computes the same" if same else ""),
        layer=other.name,
        old=old,
        new=new,
        impact=Impact.NOTE if same else None,
    )


def _type(layer: Layer) -> str:
    inner = layer.inner.class_name
    return inner if layer.inner is layer else f"{layer.class_name}({inner})"


def _argument(sides: Sides, partner: int, number: int, found: Changed) -> Change:
    old, new = value_text(found.old), value_text(found.new)
    text = f"{found.name} {old} -> {new}"
    if found.name == "weights":
        code = _weights_code(found)
        text = "weights hold other numbers" if code == "CD306" else text
    elif found.effect is None:
        drawn = _draws(sides, partner, number, found.name)
        code = "CD305" if drawn else "CD304"
    else:
        code = _EFFECTS[found.effect]
    return sides.change(
        code,
        text,
        layer=sides.new.name(number),
        argument=found.name,
        old=old,
        new=new,
    )


def _weights_code(found: Changed) -> str:
    entries = [*(found.old or ()), *(found.new or ())]
    return "CD307" if all(isinstance(entry, str) for entry in entries) else "CD306"


def _draws(sides: Sides, partner: int, number: int, argument: str) -> bool:
    """Whether both models draw tensors of this layer, by this initialiser, from a seed."""
    layers = sides.old.outline.items[partner].layer, sides.new.outline.items[number].layer
    return all(
        draws_weights(side.model, layer)
        and any(argument in (stored.init, stored.scale) for stored in layer.stored.values())
        for side, layer in zip((sides.old, sides.new), layers, strict=True)
    )
