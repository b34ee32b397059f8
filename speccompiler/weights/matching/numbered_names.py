"""The order of a file's tensors, told by the numbers in their names.

    arr_0, arr_1 ..          np.savez(f, *model.get_weights())
    weights/0, weights/1 ..  one tensor after the other, by h5py or a file each
    layer_3/param_0 ..       a layer's number, and the tensor's in it
    W1, b1, W2, b2 ..        a layer's number, and what the tensor is
    conv1/0, conv1/1         a layer of the model, and the tensor's number in it
    00_conv1_W, 01_conv1_b   a number in front of whatever name

Numbers are compared as numbers: 10 comes after 9. Names that do not all have one of these forms
tell no order, and the order in which a file lists them counts for nothing: whoever wrote an
archive from a dictionary did not choose it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from speccompiler.weights.matching.layer_groups import (
    InGroups,
    InOneRow,
    LayerGroup,
    without_variable_number,
)

_NUMBER = re.compile(r"([0-9]{1,9})")
_ROLES: Mapping[str, str] = {
    "kernel": "W", "weights": "W", "weight": "W", "w": "W",
    "bias": "b", "biases": "b", "B": "b",
    "moving_mean": "running_mean", "mean": "running_mean",
    "moving_variance": "running_std", "variance": "running_std", "var": "running_std",
    "std": "running_std",
}  # fmt: skip
"""Other names of a layer's tensors, in files of people's own and of later Keras."""
_PLACE = re.compile(r"[/._-](?:arr_|param_|weights?_?|vars/|w)?([0-9]{1,9})$")


def order_in_names(
    keys: Iterable[str], roles: Collection[str], layers: Collection[str]
) -> InOneRow | InGroups | None:
    """The order that the names of a file's tensors tell, or None.

    ``roles`` are the names of the model's tensors within their layers (``W``, ``b``), ``layers``
    the names of its layers. The most telling form is looked for first.
    """
    bare = {key: without_variable_number(key) for key in keys}
    if not bare:
        return None
    return (
        _of_layers(bare, layers)
        or _numbered(bare)
        or _leading(bare, counted=True)
        or _with_roles(bare, roles)
        or _leading(bare)
    )


def _of_layers(bare: Mapping[str, str], layers: Collection[str]) -> InGroups | None:
    """By a layer's name and a number behind it: ``conv1/0``, ``conv1/1`` .."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key, name in bare.items():
        place = _PLACE.search(name)
        if place is None or name[: place.start()] not in layers:
            return None
        found.setdefault(name[: place.start()], []).append((int(place[1]), key))
    return InGroups(
        tuple(
            LayerGroup(owner, tuple((None, key) for _, key in sorted(members)))
            for owner, members in found.items()
            if len({number for number, _ in members}) == len(members)
        ),
        named=True,
    )


def _numbered(bare: Mapping[str, str]) -> InOneRow | InGroups | None:
    """By the numbers that differ between names: the last is the tensor's, the rest its layer's."""
    numbers = _numbers(bare)
    if numbers is None:
        return None
    varying = [len(set(column)) > 1 for column in zip(*numbers.values(), strict=True)]
    places = {
        key: tuple(n for n, varies in zip(row, varying, strict=True) if varies)
        for key, row in numbers.items()
    }
    ordered = sorted(places, key=places.__getitem__)
    if len(set(places.values())) < len(places):
        return None
    if sum(varying) < 2:
        return InOneRow(tuple(ordered))
    groups: dict[tuple[int, ...], list[tuple[str | None, str]]] = {}
    for key in ordered:
        groups.setdefault(places[key][:-1], []).append((None, key))
    return InGroups(tuple(LayerGroup(_dotted(layer), tuple(own)) for layer, own in groups.items()))


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _leading(bare: Mapping[str, str], *, counted: bool = False) -> InOneRow | None:
    """By the number that each name begins with: ``00_conv1_W``, ``01_conv1_b`` ..

    ``counted`` asks that the numbers run from 0 or 1 without a gap: numbers that belong to the
    names of layers rarely do.
    """
    first = {key: re.match(r"(?:[^0-9]*/)?([0-9]{1,9})[^0-9]", name) for key, name in bare.items()}
    numbers = {key: int(found[1]) for key, found in first.items() if found is not None}
    distinct = sorted(set(numbers.values()))
    if len(distinct) < len(bare):
        return None
    if counted and (distinct[0] > 1 or distinct[-1] - distinct[0] >= len(distinct)):
        return None
    return InOneRow(tuple(sorted(numbers, key=numbers.__getitem__)))


def _with_roles(bare: Mapping[str, str], roles: Collection[str]) -> InGroups | None:
    """By the numbers that are left in names without the tensors' roles: ``W1``, ``b1`` .."""
    words = sorted({*roles, *(w for w, role in _ROLES.items() if role in roles)}, key=len)
    rests: dict[str, str] = {}
    role_of: dict[str, str] = {}
    for key, name in bare.items():
        for word in reversed(words):
            rest = _without(name, word)
            if rest is not None:
                rests[key], role_of[key] = rest, word if word in roles else _ROLES[word]
                break
        else:
            return None
    numbers = _numbers(rests)
    if numbers is None:
        return None
    groups: dict[tuple[int, ...], dict[str, str]] = {}
    for key in sorted(rests, key=numbers.__getitem__):
        own = groups.setdefault(numbers[key], {})
        if own.setdefault(role_of[key], key) != key:
            return None
    return InGroups(
        tuple(LayerGroup(_dotted(number), tuple(own.items())) for number, own in groups.items())
    )


def _without(name: str, word: str) -> str | None:
    """A name without ``word``, which has to stand at its end or beginning as a word of its own."""
    end = re.fullmatch(rf"(?:(.*(?:[^A-Za-z]|[a-z](?=[A-Z]))))?{re.escape(word)}", name)
    if end is not None and end[1]:
        return end[1].rstrip("/._-")
    begin = re.fullmatch(rf"{re.escape(word)}([^A-Za-z].*)", name)
    return None if begin is None else begin[1].lstrip("/._-")


def _numbers(bare: Mapping[str, str]) -> dict[str, tuple[int, ...]] | None:
    """The numbers in each name; None where the text around them differs, or a name has none."""
    parts = {key: _NUMBER.split(name) for key, name in bare.items()}
    if len({tuple(p[::2]) for p in parts.values()}) > 1:
        return None
    rows = {key: tuple(map(int, p[1::2])) for key, p in parts.items()}
    return rows if all(rows.values()) else None
