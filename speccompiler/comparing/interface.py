"""What goes in and what comes out: the part of a model that others rely on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.comparing.outline import Outline
from speccompiler.comparing.sides import Sides
from speccompiler.comparing.wording import listed, shape_text


def input_changes(sides: Sides) -> Iterator[Change]:
    """CD101 to CD106: the model's inputs."""
    old, new = sides.old.outline, sides.new.outline
    olds, news = old.spec.inputs, new.spec.inputs
    partners = {-1 - b: -1 - a for b, a in sides.alignment.inputs.items() if -1 - a < len(news)}
    several = len(olds) > 1 or len(news) > 1
    for k, entry in enumerate(news):
        shown = shape_text(new.shape(-1 - k))
        if k not in partners.values():
            yield sides.change(
                "CD101", f"input '{entry.name}' {shown} added", layer=entry.name, new=shown
            )
    for b, entry in enumerate(olds):
        shape = shape_text(old.shape(-1 - b))
        if b not in partners:
            yield sides.change(
                "CD102",
                f"input '{entry.name}' {shape} removed",
                layer=entry.name,
                old=shape,
                gone=True,
            )
            continue
        other = news[partners[b]]
        if entry.name != other.name and (several or _named(old, b) or _named(new, partners[b])):
            yield sides.change(
                "CD104",
                f"input '{entry.name}' is now '{other.name}'",
                layer=other.name,
                old=entry.name,
                new=other.name,
                impact=None if several else Impact.NOTE,
            )
        now = shape_text(new.shape(-1 - partners[b]))
        if shape != now:
            which = f"input '{other.name}'" if several else "input"
            yield sides.change(
                "CD103",
                f"{which} {shape} -> {now}",
                layer=other.name,
                argument="input_shape",
                old=shape,
                new=now,
            )
        types = entry.dtype or "float32", other.dtype or "float32"
        if types[0] != types[1]:
            yield sides.change(
                "CD106",
                f"input '{other.name}' is converted to {types[1]} instead of {types[0]}",
                layer=other.name,
                argument="input_dtype",
                old=types[0],
                new=types[1],
            )
    yield from _order(sides, "CD105", "inputs", partners, [i.name for i in news])


def _named(side: Outline, number: int) -> bool:
    """Whether an input has a name that is more than that of the first layer."""
    name = side.spec.inputs[number].name
    return side.items[side.numbers[name]].layer.class_name == "InputLayer"


def output_changes(sides: Sides) -> Iterator[Change]:
    """CD111 to CD115: the model's outputs, by the layers that give them, else by their place."""
    old, new = sides.old.outline, sides.new.outline
    olds, news = old.spec.outputs, new.spec.outputs
    partners = _paired_outputs(sides)
    several = len(olds) > 1 or len(news) > 1
    for k, name in enumerate(news):
        if k not in partners.values():
            shape = shape_text(new.shape(new.numbers[name]))
            yield sides.change("CD111", f"output '{name}' {shape} added", layer=name, new=shape)
    for b, name in enumerate(olds):
        shape = shape_text(old.shape(old.numbers[name]))
        if b not in partners:
            text = f"output '{name}' {shape} removed"
            yield sides.change("CD112", text, layer=name, old=shape, gone=True)
            continue
        other = news[partners[b]]
        if name != other and (several or not _both_generated(old, new, name, other)):
            yield sides.change(
                "CD114",
                f"output '{name}' is now '{other}'",
                layer=other,
                old=name,
                new=other,
                impact=None if several else Impact.NOTE,
            )
        now = shape_text(new.shape(new.numbers[other]))
        if shape != now:
            which = f"output '{other}'" if several else "output"
            yield sides.change(
                "CD113", f"{which} {shape} -> {now}", layer=other, old=shape, new=now
            )
    yield from _order(sides, "CD115", "outputs", partners, news)


def _both_generated(old: Outline, new: Outline, name: str, other: str) -> bool:
    return old.items[old.numbers[name]].generated and new.items[new.numbers[other]].generated


def _paired_outputs(sides: Sides) -> dict[int, int]:
    """The new outputs of the old ones: of the same call, else of the same name or place."""
    old, new = sides.old.outline, sides.new.outline
    news = list(new.spec.outputs)
    found: dict[int, int] = {}
    for b, name in enumerate(old.spec.outputs):
        partner = sides.alignment.to_new.get(old.numbers[name])
        if partner is not None and new.items[partner].name in news:
            found[b] = news.index(new.items[partner].name)
    left = [b for b in range(len(old.spec.outputs)) if b not in found]
    for b in left:
        name = old.spec.outputs[b]
        if name in news and news.index(name) not in found.values():
            found[b] = news.index(name)
    free = [k for k in range(len(news)) if k not in found.values()]
    left = [b for b in left if b not in found]
    return found | dict(zip(left, free, strict=False))


def _order(
    sides: Sides, code: str, what: str, partners: Mapping[int, int], names: Sequence[str]
) -> Iterator[Change]:
    order = [partners[b] for b in sorted(partners)]
    if order != sorted(order):
        before = listed([names[k] for k in order])
        after = listed([names[k] for k in sorted(order)])
        text = f"{what} in another order: {before} -> {after}"
        yield sides.change(code, text, argument=what, old=before, new=after)
