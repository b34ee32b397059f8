"""Our frozen dataclasses are those of the standard library, made more cheaply."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import pytest

from speccompiler import frozen
from tests.places import ROOT


@frozen.dataclass(frozen=True, slots=True)
class Ours:
    """Every kind of field that our classes have."""

    a: int
    b: tuple[int, ...] = (1, 2)
    c: list[int] = field(default_factory=list, compare=False)
    d: str = field(default="d", kw_only=True)

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("a is negative")


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same."""

    a: int
    b: tuple[int, ...] = (1, 2)
    c: list[int] = field(default_factory=list, compare=False)
    d: str = field(default="d", kw_only=True)

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("a is negative")


@frozen.dataclass(slots=True)
class OursChanging:
    """One whose values may change."""

    a: int
    b: list[int] = field(default_factory=list)
    c: str = "c"


@dataclasses.dataclass(slots=True)
class TheirsChanging:
    """The same."""

    a: int
    b: list[int] = field(default_factory=list)
    c: str = "c"


@frozen.dataclass(frozen=True)
class OursOpen:
    """One with a dictionary, for what is computed once."""

    a: int
    b: list[int] = field(default_factory=list)
    c: str = "c"

    @cached_property
    def twice(self) -> int:
        """Twice the number."""
        return 2 * self.a


@dataclasses.dataclass(frozen=True)
class TheirsOpen:
    """The same."""

    a: int
    b: list[int] = field(default_factory=list)
    c: str = "c"

    @cached_property
    def twice(self) -> int:
        """Twice the number."""
        return 2 * self.a


class OursLater(OursOpen):
    """One that adds methods alone."""


@dataclasses.dataclass(frozen=True)
class TheirsLater(TheirsOpen):
    """The same, which the standard library has to be told."""


@frozen.dataclass(frozen=True, slots=True)
class Empty:
    """No field at all."""


BOTH: tuple[Any, ...] = (Ours, Theirs)


def outcome(act: Callable[[], Any]) -> str:
    """What a call gives, or raises, with the names of both classes as one."""
    try:
        text = repr(act())
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    return text.replace("Theirs", "Ours")


@pytest.mark.parametrize(
    "act",
    [
        lambda kind: kind(1),
        lambda kind: kind(1, (3,), [4], d="e"),
        lambda kind: kind(a=1, d="e"),
        lambda kind: kind(),
        lambda kind: kind(1, 2, 3, 4),
        lambda kind: kind(1, e=2),
        lambda kind: kind(1, a=2),
        lambda kind: kind(-1),
        lambda kind: (kind(1) == kind(1), kind(1) == kind(2), kind(1) == 1),
        lambda kind: (kind(1, c=[1]) == kind(1, c=[2]), kind(1, d="e") == kind(1)),
        lambda kind: hash(kind(1, c=[1])) == hash(kind(1, c=[2])),
        lambda kind: kind(1).c is kind(1).c,
        lambda kind: setattr(kind(1), "a", 2),
        lambda kind: delattr(kind(1), "a"),
        lambda kind: kind(1).__dict__,
        lambda kind: replace(kind(1), b=(), d="e"),
        lambda kind: replace(kind(1), a=-2),
        lambda kind: replace(kind(1), e=1),
        lambda kind: dataclasses.asdict(kind(1)),
        lambda kind: [f.name for f in dataclasses.fields(kind)],
        lambda kind: (kind.__match_args__, kind.__doc__ is None, kind.__name__),
        lambda kind: pickle.loads(pickle.dumps(kind(1, (2,), [3], d="e"))),
        lambda kind: copy.deepcopy(kind(1, c=[3])),
        lambda kind: copy.copy(kind(1)) == kind(1),
    ],
)
def test_the_same_as_of_the_standard_library(act: Callable[[Any], Any]) -> None:
    ours, theirs = (outcome(lambda kind=kind: act(kind)) for kind in BOTH)
    assert ours == theirs


@pytest.mark.parametrize(
    "both",
    [(OursChanging, TheirsChanging), (OursOpen, TheirsOpen), (OursLater, TheirsLater)],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda kind: kind(1),
        lambda kind: kind(1, [2], c="d"),
        lambda kind: (kind(1) == kind(1), kind(1) == kind(2), kind(1) == 1),
        lambda kind: kind(1).b is kind(1).b,
        lambda kind: hash(kind(1, b=())) == hash(kind(1, b=())),
        lambda kind: setattr(one := kind(1), "a", 2) or one,
        lambda kind: setattr(kind(1), "d", 2),
        lambda kind: delattr(one := kind(1), "a") or one.a,
        lambda kind: sorted(kind(1).__dict__.items()),
        lambda kind: kind(1).twice,
        lambda kind: replace(kind(1), a=2),
        lambda kind: dataclasses.asdict(kind(1)),
        lambda kind: pickle.loads(pickle.dumps(kind(1, [3]))),
        lambda kind: copy.deepcopy(kind(1, [3])),
        lambda kind: kind.__match_args__,
    ],
)
def test_the_same_with_other_options(both: tuple[Any, Any], act: Callable[[Any], Any]) -> None:
    ours, theirs = (outcome(lambda kind=kind: act(kind)) for kind in both)
    assert ours == theirs


def test_no_field() -> None:
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()) == "Empty()"


def test_one_is_unpickled_before_one_is_made() -> None:
    made = Ours.__new__(Ours)
    made.__setstate__([1, (2,), [], "e"])  # type: ignore[attr-defined]
    assert made == Ours(1, (2,), d="e")


@pytest.mark.parametrize("options", [{}, {"repr": False}, {"frozen": False, "slots": False}])
def test_a_class_keeps_the_repr_that_it_defines(options: dict[str, bool]) -> None:
    @frozen.dataclass(**{"frozen": True, "slots": True, **options})
    class Named:
        name: str

        def __repr__(self) -> str:
            return self.name

    assert repr(Named("n")) == "n"


def test_nothing_is_compiled_until_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(frozen, "exec", lambda text, names: written.append(text), raising=False)

    @frozen.dataclass(frozen=True, slots=True)
    class Late:
        a: int

    assert written == []
    with pytest.raises(KeyError):
        Late(1)
    assert written == ["def __init__(self, a):\n    _set_a(self, a)"]


def test_every_dataclass_is_one_of_ours() -> None:
    for folder in ("speccompiler", "cli"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            imported = {
                node.module
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
                and "dataclass" in {alias.name for alias in node.names}
            }
            assert file.name == "frozen.py" or imported <= {"speccompiler.frozen"}, file


def test_the_signature_is_that_of_the_standard_library() -> None:
    @frozen.dataclass(frozen=True, slots=True)
    class Ours:
        a: int
        b: str = "b"

    @dataclasses.dataclass(frozen=True, slots=True)
    class Theirs:
        a: int
        b: str = "b"

    assert inspect.signature(Ours) == inspect.signature(Theirs)


@frozen.dataclass(frozen=True, slots=True)
class Named:
    """One that is hashed by its name alone."""

    name: str
    shape: tuple[int, ...] = field(default=(), hash=False)


def test_a_field_may_be_left_out_of_the_hash() -> None:
    one, other = Named("w", (1, 2)), Named("w", (2, 1))
    assert hash(one) == hash(other)
    assert len({one, other, Named("w", (1, 2))}) == 2
