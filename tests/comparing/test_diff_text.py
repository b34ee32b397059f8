"""What ``convspec diff`` prints, word for word, at the widths of terminals."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from speccompiler.comparing.amounts import share_text
from speccompiler.comparing.compare import compare
from speccompiler.comparing.diff_text import Role, diff_text, elided
from speccompiler.comparing.model_diff import Amount, ModelDiff
from speccompiler.model import load, loads
from tests.comparing.pairs import (
    BASE,
    CONV1,
    CONV2,
    DENSE,
    FLAT,
    POOL,
    compared,
    spec,
    without_names,
)
from tests.places import ROOT

GOLDEN = Path(__file__).parent / "texts"
NORM = "type: BatchNormalization, name: norm"
SKIP = "type: Merge, name: skip, mode: concat, inputs: [norm, pool]"
OTHER = CONV2.replace("conv2", "features").replace("activation: relu", "border_mode: same")


def example(name: str, *edits: tuple[str, str]) -> ModelDiff:
    """An example beside itself with pieces replaced."""
    path = ROOT / "examples" / "specs" / name
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return compare(
        load(path), loads(text, file=str(path)), old_name="old.yaml", new_name="new.yaml"
    )


def chain(*layers: str, base: tuple[str, ...] = BASE) -> ModelDiff:
    return compared(spec(*base), spec(*layers))


UNNAMED = tuple(map(without_names, BASE))
MANY = (FLAT, *["type: Dense, output_dim: 20"] * 14)
PAIRS: dict[str, Callable[[], ModelDiff]] = {
    "nothing": lambda: chain(*BASE),
    "four_edits": lambda: chain(
        CONV1.replace("8", "12"), POOL, OTHER, NORM, SKIP, FLAT, DENSE,
        base=(CONV1, POOL, OTHER.replace("features", "conv2"), FLAT, DENSE),
    ),
    "inserted_at_the_front": lambda: chain(UNNAMED[0].replace("8", "4"), *UNNAMED, base=UNNAMED),
    "numbered_anew": lambda: chain(
        "type: Dense, output_dim: 4", *MANY, base=(*MANY[:-3], without_names(DENSE), *MANY[-2:])
    ),
    "moved": lambda: chain(CONV1, CONV2, POOL, FLAT, DENSE),
    "only_notes": lambda: chain(
        CONV1 + ", init: he_normal, W_regularizer: {name: l2, l: 0.1}", POOL,
        "type: Dropout, name: drop, p: 0.25", CONV2, FLAT, DENSE + ", trainable: false",
    ),
    "theano": lambda: example("lenet.yaml", ("convspec: 1", "convspec: 1\nsemantics: theano")),
    "more_classes": lambda: example("resnet50.yaml", ("output_dim: 1000", "output_dim: 365")),
    "wider_stem": lambda: example("vgg16.yaml", ("nb_filter: 64", "nb_filter: 96")),
    "interface": lambda: example("residual.yaml", ("[32, 32, 3]", "[48, 48, 4]"),
                                 ("[null, 32, 32, 4]", "[null, 48, 48, 4]"),
                                 ("outputs: [kind, map]", "outputs: [map, kind]"),
                                 ("name: mean, inputs: small", "name: mean, inputs: wide")),
    "open_lengths": lambda: example("conv1d_stack.yaml", ("filter_length: 5", "filter_length: 7")),
}  # fmt: skip


@pytest.mark.parametrize("width", [None, 80, 120])
@pytest.mark.parametrize("name", PAIRS)
def test_text(name: str, width: int | None, golden: Callable[[Path, str], None]) -> None:
    text = diff_text(PAIRS[name](), width=width)
    if width is not None:
        assert max(map(len, text.split("\n"))) <= width
        if text == diff_text(PAIRS[name]()):
            return
    suffix = "" if width is None else f"_{width}"
    golden(GOLDEN / f"{name}{suffix}.txt", text + "\n")


def test_colours_are_the_callers() -> None:
    def paint(text: str, role: Role) -> str:
        assert "\n" not in text
        return f"<{role}>{text}</>"

    found = PAIRS["four_edits"]()
    text = diff_text(found, paint=paint)
    assert re.sub(r"<[a-z]+>|</>", "", text) == diff_text(found)
    assert text.startswith("<breaking>breaking: ")
    assert "<added>+</> <strong>norm</>" in text
    assert "<moved>></> <strong>features</>" in text


def test_long_names_are_cut_in_the_middle() -> None:
    assert elided("conv1", 28) == "conv1"
    name = "encoder/block_1/branch_left/convolution_3x3"
    assert elided(name, 28) == "encoder/bloc...nvolution_3x3"
    assert len(elided(name, 28)) == 28
    renamed = CONV2.replace("conv2", f"'{name}'")
    text = diff_text(chain(CONV1, POOL, renamed, FLAT, DENSE), width=80)
    assert max(map(len, text.split("\n"))) <= 80


def test_control_characters_of_names_do_not_reach_a_terminal() -> None:
    found = compared(spec(*BASE), spec(CONV1, POOL, CONV2, FLAT), old_name="a\x1b[31m")
    assert "\x1b" not in diff_text(found)
    assert "a\\x1b[31m -> new.yaml" in diff_text(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (1000, 1001, "+0.1%"),
        (100_000, 100_001, "+0.001%"),
        (10, 109, "+990.0%"),
        (10, 123, "12.3 times"),
        (10, 22_400, "2,240 times"),
        (1, 12_345_678, "12,345,678 times"),
    ],
)
def test_shares_are_read_without_exponents(old: int, new: int, said: str) -> None:
    assert share_text(Amount("parameters", old, new)) == said
