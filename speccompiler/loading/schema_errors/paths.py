"""Where an error of pydantic's is, in the data: its path with what names no key taken out.

pydantic names a place by keys and indices, and puts the branch of a union that it took in
between. A branch's name may be a key of the user's as well, so that the path is followed
through the schema, which says what stands where.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag

from speccompiler.frozen import dataclass
from speccompiler.schemas.seldom import Seldom

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A path in the data, and the schema of the mapping in which its last key stands."""

    path: Path
    holder: type[BaseModel] | None
    expected: Any
    """The type that the schema gives the value; None where a key is unknown."""


def place_of(model: type[BaseModel], loc: Path) -> Place:
    """Follow pydantic's path from a model down."""
    path: list[str | int] = []
    kind: Any = model
    holder: type[BaseModel] | None = None
    for part in loc:
        kind = _plain(kind)
        if _is_union(kind):
            kind = _branch(kind, part)
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            path.append(part)
            holder, kind = kind, _field(kind, part)
        elif get_origin(kind) is dict and part == "[key]":
            break  # an error about the key before it
        else:
            path.append(part)
            holder, kind = None, _item(kind, part)
    return Place(tuple(path), holder, _plain(kind))


def allowed_values(kind: Any) -> tuple[Any, ...]:
    """The values of the ``Literal`` that a type is, or holds as a member of its union."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    members = get_args(kind) if get_origin(kind) in {Annotated, Union, types.UnionType} else ()
    return tuple(value for member in members for value in allowed_values(member))


def _plain(kind: Any) -> Any:
    """Without what is written around a type and adds nothing to a path."""
    while True:
        if get_origin(kind) is Annotated:
            inner, *metadata = get_args(kind)
            seldom = next((m for m in metadata if isinstance(m, Seldom)), None)
            if seldom is not None:
                kind = seldom.kind
                continue
            if any(isinstance(m, Discriminator) for m in metadata):
                return kind if _is_union(kind) else inner
            kind = inner
        elif get_origin(kind) in {Union, types.UnionType}:
            members = [member for member in get_args(kind) if member is not type(None)]
            if len(members) > 1:
                return kind
            (kind,) = members
        else:
            return kind


def _is_union(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_origin(kind) in {Union, types.UnionType}


def _branch(kind: Any, name: str | int) -> Any:
    """The member that a union's label names; None for a label of pydantic's own."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    for member in get_args(kind):
        metadata = get_args(member)[1:] if get_origin(member) is Annotated else ()
        if any(isinstance(m, Tag) and m.tag == name for m in metadata):
            return member
    return None


def _field(model: type[BaseModel], name: str | int) -> Any:
    """The type of a field, with what was written around it; None for a key that is unknown."""
    field = model.model_fields.get(str(name))
    if field is None:
        return None
    metadata = [m for m in field.metadata if isinstance(m, Discriminator)]
    if isinstance(field.discriminator, Discriminator):
        metadata.append(field.discriminator)
    return Annotated[field.annotation, metadata[0]] if metadata else field.annotation


def _item(kind: Any, part: str | int) -> Any:
    """The type of a list's item or of a mapping's value."""
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    if get_origin(kind) in {tuple, list} and arguments:
        several = get_origin(kind) is tuple and len(arguments) > 1 and arguments[1] is not ...
        if not several:
            return arguments[0]  # pyright: ignore
        return arguments[part] if isinstance(part, int) and part < len(arguments) else None
    return None
