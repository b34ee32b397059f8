"""What may be written at the cursor: keys, types, values, names of layers, files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from speccompiler.language_server.argument_docs import (
    Argument,
    first_sentence,
    header_arguments,
    required_arguments,
    type_markdown,
)
from speccompiler.language_server.cursor import Cursor
from speccompiler.language_server.cursor_layer import LayerPlace
from speccompiler.language_server.listed_names import listed_names
from speccompiler.language_server.loose_tree import LooseList
from speccompiler.language_server.offer import Offer
from speccompiler.language_server.weight_names import weight_names
from speccompiler.schemas.activation import OF_KERAS_1
from speccompiler.schemas.arguments import COMMON
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS

_ACTIVATIONS = {"activation", "inner_activation"}
_TYPE = Offer("type", "argument", "required", "Which layer.", after="${1}")


def offers_at(cursor: Cursor, folder: str | None) -> list[Offer]:
    """The offers for the word at the cursor, in the order to show; ``folder`` has the files."""
    place = LayerPlace(cursor)
    if cursor.kind == "key":
        return list(_keys(cursor, place))
    if cursor.kind == "item" and place.lists_layers:
        return (
            [*_new_layers(cursor)] if cursor.flow or cursor.json else [_TYPE, *_new_layers(cursor)]
        )
    return list(_values(cursor, place, folder))


def _keys(cursor: Cursor, place: LayerPlace) -> Iterator[Offer]:
    said = cursor.siblings
    if not place.is_layer:
        if not cursor.steps or _is_root(cursor):
            yield from _header_keys(cursor, said)
        elif cursor.steps:
            yield from _inner_keys(header_arguments().get(str(cursor.steps[0])), said, cursor)
        return
    if place.keras and place.inside == ():
        yield from _plain_keys(("class_name", "config", "name", "inbound_nodes"), said)
        return
    inside = place.inside[1:] if place.keras and place.inside[:1] == ("config",) else place.inside
    if inside:
        yield from _inner_keys(place.arguments.get(str(inside[0])), said, cursor)
        return
    if "type" not in said and not place.keras:
        yield _TYPE
    missing = [a for a in place.arguments.values() if a.name not in said]
    own = [a for a in missing if a.name not in {*COMMON, "inputs"}]
    rest = [a for a in missing if a.name in {*COMMON, "inputs"}]
    if place.keras:
        rest = [a for a in rest if a.name != "inputs"]
    for argument in (*own, *rest):
        yield _key(argument)


def _is_root(cursor: Cursor) -> bool:
    return len(cursor.around) == 1


def _plain_keys(keys: Iterable[str], said: Collection[str]) -> Iterator[Offer]:
    for key in keys:
        if key not in said:
            yield Offer(key, "argument", after="${1}")


def _header_keys(cursor: Cursor, said: Mapping[str, str]) -> Iterator[Offer]:
    if "class_name" in said:
        return
    needed = ("convspec", "layers") if "model" not in said else ("convspec",)
    found = header_arguments()
    for name in sorted(found, key=lambda key: (key not in needed, list(found).index(key))):
        if name in said or (name == "replace" and "layers" in said):
            continue
        if name in {"model", "layers"} and {"model", "layers"} & said.keys():
            continue
        if name == "layers":
            offer = _key(found[name])
            below = (
                "\n  - type: ${1}" if not cursor.json and not cursor.flow else ' [{"type": "${1}"}]'
            )
            yield Offer(name, "argument", offer.detail, offer.documentation, after=below)
        else:
            yield _key(found[name])


def _inner_keys(
    argument: Argument | None, said: Collection[str], cursor: Cursor
) -> Iterator[Offer]:
    if argument is None:
        return
    for inner in argument.keys.values():
        if inner.name not in said:
            yield _key(inner)


def _key(argument: Argument) -> Offer:
    """A key and the place of its value: the one value that fits, or the default."""
    detail = "required" if argument.required else argument.kind
    if argument.default and not argument.required:
        detail = f"{argument.kind}, default {argument.default}".removeprefix(", ")
    value = "${1}"
    if argument.kind.startswith("list of ") and not argument.values:
        count = argument.kind.removeprefix("list of ").split(" ")[0]
        places = range(1, int(count) + 1) if count.isdecimal() else ()
        value = f"[{', '.join(f'${{{n}}}' for n in places)}]" if places else value
    elif argument.name == "convspec":
        value = "1"
    return Offer(argument.name, "argument", detail, argument.markdown(), after=value)


def _new_layers(cursor: Cursor) -> Iterator[Offer]:
    """Whole layers with their required arguments, for a new item of the list."""
    for name in LAYERS:
        text = type_markdown(name) or ""
        keys = " ".join(required_arguments(name))
        yield Offer(name, "type", first_sentence(name), text, after=keys, whole=True)


def _values(cursor: Cursor, place: LayerPlace, folder: str | None) -> Iterator[Offer]:
    steps = place.inside if place.is_layer else cursor.steps
    steps = steps[1:] if place.keras and steps[:1] == ("config",) else steps
    key = str(steps[0]) if steps else ""
    if place.is_layer and key == ("class_name" if place.keras else "type"):
        yield from _types(native=not place.keras)
    elif key == "inputs" and (place.is_layer or (len(steps) > 1 and cursor.kind == "item")):
        yield from _names(cursor, own=_own_name(cursor, place), said=_items(cursor))
    elif key == "layers" and len(steps) == 1:
        yield from _new_layers(cursor) if cursor.own_line else ()
    elif key == "layer" and place.is_layer and len(steps) == 1 and place.type != "Shared":
        yield from [_TYPE] if cursor.own_line else ()
    elif place.type == "Shared" and key == "layer":
        yield from _names(cursor, own=None, said=(), calls=False)
    elif key == "outputs" and not place.is_layer:
        yield from _names(cursor, own=None, said=_items(cursor))
    elif key in {"weights", "model"}:
        for name in weight_names(folder, "models" if key == "model" else "weights"):
            yield Offer(name, "file")
    else:
        arguments = place.arguments if place.is_layer else header_arguments()
        argument = arguments.get(key)
        if argument is not None and len(steps) > 1 and not isinstance(steps[1], int):
            argument = argument.keys.get(str(steps[1]))
        if argument is not None and argument.keys and cursor.own_line:
            yield from _inner_keys(argument, (), cursor)
        elif argument is not None:
            own = place.keras and argument.name in _ACTIVATIONS
            yield from (o for o in _allowed(argument) if not own or o.label in OF_KERAS_1)


def _allowed(argument: Argument) -> Iterator[Offer]:
    """The values of an argument; the default says so."""
    for value in argument.values:
        detail = "default" if value == argument.default else ""
        plain = value in {"true", "false"} or value.isdecimal()
        yield Offer(value, "value", detail, argument.description, quoted=not plain)


def _types(*, native: bool) -> Iterator[Offer]:
    for name in LAYERS:
        if native or name not in NATIVE_LAYERS:
            yield Offer(name, "type", first_sentence(name), type_markdown(name) or "")
    if native:
        yield Offer("Shared", "type", first_sentence("Shared"), type_markdown("Shared") or "")


def _items(cursor: Cursor) -> tuple[str, ...]:
    """The words that a list says beside the one at the cursor."""
    inner = cursor.around[-1]
    if not isinstance(inner, LooseList):
        return ()
    return tuple(getattr(item, "text", "") for item in inner.items)


def _own_name(cursor: Cursor, place: LayerPlace) -> tuple[str | int, ...]:
    """The steps to the layer that the cursor is in."""
    return cursor.steps[: len(cursor.steps) - len(place.inside)]


def _names(
    cursor: Cursor,
    own: tuple[str | int, ...] | None,
    said: Collection[str],
    *,
    calls: bool = True,
) -> Iterator[Offer]:
    """The names of the other layers, those before the cursor's first, the nearest in front."""
    listed = listed_names(cursor.root)
    here = own[1] if own is not None and len(own) == 2 and isinstance(own[1], int) else len(listed)
    before = [one for one in listed if one.number is None or one.number < here]
    after = [one for one in listed if one.number is not None and one.number > here]
    for one in (*reversed(before), *after):
        if one.name not in said and (calls or one.type not in {"Shared", "input"}):
            yield Offer(one.name, "layer", one.type)
