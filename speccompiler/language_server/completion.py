"""What may be written at a place: keys, types, values, names of layers, files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from speccompiler.frozen import dataclass
from speccompiler.language_server.argument_docs import (
    Argument,
    first_sentence,
    header_arguments,
    layer_arguments,
    required_arguments,
    type_markdown,
)
from speccompiler.language_server.cursor import MARK, Cursor, cursor_at
from speccompiler.language_server.listed_names import listed_names
from speccompiler.language_server.loose_tree import LooseList, LooseMap, LooseText
from speccompiler.language_server.weight_names import weight_names
from speccompiler.schemas.arguments import COMMON
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS

KindName = Literal["type", "argument", "value", "layer", "file"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that may stand in place of ``text[start:end]``."""

    label: str
    kind: KindName
    detail: str
    documentation: str
    start: int
    end: int
    new: str
    snippet: bool
    """Whether ``new`` has places to fill in: ``${1:..}``."""
    rank: int
    """Its place in the list."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A completion before it is known how it is written at the cursor."""

    label: str
    kind: KindName
    detail: str = ""
    documentation: str = ""
    quoted: bool = True
    """Whether JSON writes it in quotes."""
    after: str = ""
    """What follows the word: the value's place of a key, as a snippet; or the required keys."""
    whole: bool = False
    """Whether it is a whole layer for the list, and not only its type."""


def completions_at(
    text: str, offset: int, folder: str | None = None, *, is_spec: bool = True
) -> list[Completion]:
    """The completions at an offset, the likeliest first; ``folder`` holds files to name.

    A text that is no spec may become one: where it says no key that a spec has not.
    """
    cursor = cursor_at(text, offset)
    if cursor is None or not (is_spec or _may_become_spec(cursor)):
        return []
    offers = _offers(cursor, folder)
    fits = [
        (fit, offer) for offer in offers if (fit := _fit(offer.label, cursor.prefix)) is not None
    ]
    fits.sort(key=lambda pair: pair[0])
    return [_written(cursor, offer, rank) for rank, (_, offer) in enumerate(fits)]


def _may_become_spec(cursor: Cursor) -> bool:
    root = cursor.root
    if not isinstance(root, LooseMap):
        return isinstance(root, LooseText)
    said = {key for key, value in root.said().items() if MARK not in key}
    return bool(said or cursor.steps == ()) and said <= header_arguments().keys()


def _fit(label: str, prefix: str) -> int | None:
    """How well a label goes on with a prefix, 0 for best; None where it does not.

    What an editor gets is filtered by it as more is written, so that letters in order will do.
    """
    label, prefix = label.casefold(), prefix.casefold()
    if prefix in label:
        return 0 if label.startswith(prefix) else 1
    letters = iter(label)
    return 2 if all(letter in letters for letter in prefix) else None


def _offers(cursor: Cursor, folder: str | None) -> list[_Offer]:
    place = _Place(cursor)
    if cursor.kind == "key":
        return list(_keys(cursor, place))
    if cursor.kind == "item" and place.lists_layers:
        return [*_new_layers(cursor)]
    return list(_values(cursor, place, folder))


class _Place:
    """Which layer the cursor is in, and which argument of it."""

    def __init__(self, cursor: Cursor) -> None:
        self.type: str | None = None
        self.keras = False
        self.inside: tuple[str | int, ...] = cursor.steps
        self.is_layer = False
        for depth in range(len(cursor.around) - 1, -1, -1):
            node, above = cursor.around[depth], cursor.steps[:depth]
            if not isinstance(node, LooseMap):
                continue
            said = node.said()
            listed = bool(above) and ("layers" in above or above[-1] == "layer")
            if "class_name" in said and above:
                self.type, self.keras, self.is_layer = said["class_name"], True, True
            elif listed and isinstance(above[-1], int | str) and _is_layer_place(above):
                self.type, self.is_layer = said.get("type"), True
            else:
                continue
            self.inside = cursor.steps[depth:]
            break
        in_layers = cursor.steps[:-1][-1:] == ("layers",)
        self.lists_layers = in_layers and isinstance(cursor.around[-1], LooseList)

    @property
    def arguments(self) -> Mapping[str, Argument]:
        """What the layer takes."""
        return layer_arguments(self.type) if self.type else {}


def _is_layer_place(above: tuple[str | int, ...]) -> bool:
    """Whether the steps lead to a layer: an item of ``layers``, or a wrapper's ``layer``."""
    return above[-1] == "layer" or (len(above) >= 2 and above[-2] == "layers")


def _keys(cursor: Cursor, place: _Place) -> Iterator[_Offer]:
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
        yield _Offer("type", "argument", "required", "Which layer.", after="${1}")
    missing = [a for a in place.arguments.values() if a.name not in said]
    own = [a for a in missing if a.name not in {*COMMON, "inputs"}]
    rest = [a for a in missing if a.name in {*COMMON, "inputs"}]
    if place.keras:
        rest = [a for a in rest if a.name != "inputs"]
    for argument in (*own, *rest):
        yield _key(argument)


def _is_root(cursor: Cursor) -> bool:
    return len(cursor.around) == 1


def _plain_keys(keys: Iterable[str], said: Collection[str]) -> Iterator[_Offer]:
    for key in keys:
        if key not in said:
            yield _Offer(key, "argument", after="${1}")


def _header_keys(cursor: Cursor, said: Mapping[str, str]) -> Iterator[_Offer]:
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
            yield _Offer(name, "argument", offer.detail, offer.documentation, after=below)
        else:
            yield _key(found[name])


def _inner_keys(
    argument: Argument | None, said: Collection[str], cursor: Cursor
) -> Iterator[_Offer]:
    if argument is None:
        return
    for inner in argument.keys.values():
        if inner.name not in said:
            yield _key(inner)


def _key(argument: Argument) -> _Offer:
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
    return _Offer(argument.name, "argument", detail, argument.markdown(), after=value)


def _new_layers(cursor: Cursor) -> Iterator[_Offer]:
    """Whole layers with their required arguments, for a new item of the list."""
    for name in LAYERS:
        text = type_markdown(name) or ""
        keys = " ".join(required_arguments(name))
        yield _Offer(name, "type", first_sentence(name), text, after=keys, whole=True)


def _values(cursor: Cursor, place: _Place, folder: str | None) -> Iterator[_Offer]:
    steps = place.inside if place.is_layer else cursor.steps
    steps = steps[1:] if place.keras and steps[:1] == ("config",) else steps
    key = str(steps[0]) if steps else ""
    if place.is_layer and key == ("class_name" if place.keras else "type"):
        yield from _types(native=not place.keras)
    elif key == "inputs" and (place.is_layer or (len(steps) > 1 and cursor.kind == "item")):
        yield from _names(cursor, own=_own_name(cursor, place), said=_items(cursor))
    elif key == "layers" and len(steps) == 1 and not cursor.flow:
        yield from _new_layers(cursor)
    elif place.type == "Shared" and key == "layer":
        yield from _names(cursor, own=None, said=(), calls=False)
    elif key == "outputs" and not place.is_layer:
        yield from _names(cursor, own=None, said=_items(cursor))
    elif key in {"weights", "model"}:
        for name in weight_names(folder, "models" if key == "model" else "weights"):
            yield _Offer(name, "file")
    else:
        arguments = place.arguments if place.is_layer else header_arguments()
        argument = arguments.get(key)
        if argument is not None and len(steps) > 1 and not isinstance(steps[1], int):
            argument = argument.keys.get(str(steps[1]))
        if argument is not None:
            yield from _allowed(argument)


def _allowed(argument: Argument) -> Iterator[_Offer]:
    """The values of an argument; the default says so."""
    for value in argument.values:
        detail = "default" if value == argument.default else ""
        plain = value in {"true", "false"} or value.isdecimal()
        yield _Offer(value, "value", detail, argument.description, quoted=not plain)


def _types(*, native: bool) -> Iterator[_Offer]:
    for name in LAYERS:
        if native or name not in NATIVE_LAYERS:
            yield _Offer(name, "type", first_sentence(name), type_markdown(name) or "")
    if native:
        yield _Offer("Shared", "type", first_sentence("Shared"), type_markdown("Shared") or "")


def _items(cursor: Cursor) -> tuple[str, ...]:
    """The words that a list says beside the one at the cursor."""
    inner = cursor.around[-1]
    if not isinstance(inner, LooseList):
        return ()
    return tuple(getattr(item, "text", "") for item in inner.items)


def _own_name(cursor: Cursor, place: _Place) -> tuple[str | int, ...]:
    """The steps to the layer that the cursor is in."""
    return cursor.steps[: len(cursor.steps) - len(place.inside)]


def _names(
    cursor: Cursor,
    own: tuple[str | int, ...] | None,
    said: Collection[str],
    *,
    calls: bool = True,
) -> Iterator[_Offer]:
    """The names of the other layers, those before the cursor's first, the nearest in front."""
    listed = listed_names(cursor.root)
    here = own[1] if own is not None and len(own) == 2 and isinstance(own[1], int) else len(listed)
    before = [one for one in listed if one.number is None or one.number < here]
    after = [one for one in listed if one.number is not None and one.number > here]
    for one in (*reversed(before), *after):
        if one.name not in said and (calls or one.type not in {"Shared", "input"}):
            yield _Offer(one.name, "layer", one.type)


def _written(cursor: Cursor, offer: _Offer, rank: int) -> Completion:
    word, snippet = offer.label, False
    quotes = cursor.json and offer.quoted and not cursor.quoted
    if offer.whole:
        dash = "- " if cursor.kind == "value" else ""
        word, snippet = dash + _whole_layer(cursor, offer), True
    elif offer.kind == "argument" and not cursor.has_colon:
        word, snippet = _key_text(cursor, offer), True
    elif quotes or (not cursor.json and not cursor.quoted and _needs_quotes(word)):
        word = json.dumps(word, ensure_ascii=False)
    return Completion(
        offer.label,
        offer.kind,
        offer.detail,
        offer.documentation,
        cursor.start,
        cursor.end,
        word,
        snippet,
        rank,
    )


def _needs_quotes(word: str) -> bool:
    plain = all(sign.isalnum() or sign in "_-./@+#" for sign in word)
    return not plain or word[:1] in "-@#" or word.lower() in {"null", "~"}


def _key_text(cursor: Cursor, offer: _Offer) -> str:
    """A key with its colon and a place for its value."""
    value = offer.after
    if value.startswith(("\n", " ")):
        return f"{_quoted_key(cursor, offer.label)}:{value}"
    if cursor.quoted:  # the quotes are there, and what follows them is not known
        return offer.label
    if cursor.json and value == "${1}":
        value = '"${1}"' if _is_text(offer) else value
    return f"{_quoted_key(cursor, offer.label)}: {value}"


def _quoted_key(cursor: Cursor, key: str) -> str:
    return f'"{key}"' if cursor.json and not cursor.quoted else key


def _is_text(offer: _Offer) -> bool:
    """Whether only a text may be the value, which JSON has in quotes."""
    kinds = offer.documentation.split("\n", 1)[0].partition(": ")[2]
    return kinds in {"name", "text"} or offer.label in {"type", "class_name"}


def _whole_layer(cursor: Cursor, offer: _Offer) -> str:
    needed = offer.after.split()
    if cursor.json or cursor.flow:
        q = '"' if cursor.json else ""
        rest = "".join(f", {q}{name}{q}: ${{{n}}}" for n, name in enumerate(needed, 1))
        return f"{{{q}type{q}: {q}{offer.label}{q}{rest}}}"
    rest = "".join(f", {name}: ${{{n}}}" for n, name in enumerate(needed, 1))
    return f"{{type: {offer.label}{rest}}}"
