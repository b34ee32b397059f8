"""Which file became which: by place, by equal text, by the lines that are left."""

from __future__ import annotations

import pytest

from speccompiler.comparing.file_pairs import PlacePair, pair_places

A = "\n".join(f"a{n}" for n in range(10))
B = "\n".join(f"b{n}" for n in range(10))


def changed(text: str, lines: int) -> str:
    """The same with its first lines others."""
    return "\n".join([*(f"new{n}" for n in range(lines)), *text.split("\n")[lines:]])


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ({"x": A}, {"x": B}, [("x", "x")]),
        ({"x": A}, {"y": A}, [("x", "y")]),
        # Half of the lines make it the same file, less do not.
        ({"x": A}, {"y": changed(A, 5)}, [("x", "y")]),
        ({"x": A}, {"y": changed(A, 6)}, [("x", None), (None, "y")]),
        # Of several with one text, that of the same name.
        ({"p/x": A, "p/y": A}, {"q/y": A, "q/x": A}, [("p/x", "q/x"), ("p/y", "q/y")]),
        # An equal text comes before one that is only alike.
        ({"x": A, "y": changed(A, 1)}, {"z": A}, [("y", None), ("x", "z")]),
        # Each goes to what it is most alike.
        (
            {"x": A, "y": B},
            {"v": changed(B, 1), "w": changed(A, 1)},
            [("y", "v"), ("x", "w")],
        ),
        # What is still there was not renamed.
        ({"x": A}, {"x": A, "y": A}, [("x", "x"), (None, "y")]),
        ({}, {"x": A}, [(None, "x")]),
        ({"x": A}, {}, [("x", None)]),
        ({}, {}, []),
    ],
)
def test_pairs(
    old: dict[str, str], new: dict[str, str], pairs: list[tuple[str | None, str | None]]
) -> None:
    assert pair_places(old, new) == tuple(PlacePair(*pair) for pair in pairs)


def test_many_files_are_compared_by_equal_texts_alone() -> None:
    old = {f"a{n}": f"{n}\n{A}" for n in range(120)}
    new = {f"b{n}": f"{n}\n{A}" if n < 60 else f"{n}\n{changed(A, 1)}" for n in range(120)}
    pairs = pair_places(old, new)
    renamed = [pair for pair in pairs if pair.renamed]
    assert len(renamed) == 60
    assert len(pairs) == 180
