"""The colours of pictures: a light and a dark theme, and a colour for each kind of layer.

The kinds' colours are those of Okabe and Ito (2008), which people with any colour vision can tell
apart; names and shapes stand beside them, so that nothing is said by colour alone.
"""

from __future__ import annotations

from typing import Literal

from speccompiler.frozen import dataclass

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of everything but the layers."""

    background: str
    text: str
    quiet: str
    """Of texts that matter less."""
    line: str
    box: str
    edge: str
    """Around boxes."""


THEMES: dict[ThemeName, Theme] = {
    "light": Theme("#ffffff", "#1f2328", "#59636e", "#59636e", "#f6f8fa", "#b7bfc8"),
    "dark": Theme("#0d1117", "#f0f6fc", "#9198a1", "#9198a1", "#161b22", "#4d555f"),
}

Kind = Literal[
    "input", "convolution", "pooling", "dense", "merge", "normalisation", "activation", "resizing",
    "recurrent", "shape", "regularisation", "other",
]  # fmt: skip
KINDS: dict[Kind, tuple[str, str]] = {
    "input": ("#8c959f", "input"),
    "convolution": ("#56b4e9", "convolution"),
    "pooling": ("#d55e00", "pooling"),
    "dense": ("#009e73", "dense"),
    "merge": ("#cc79a7", "merge"),
    "normalisation": ("#f0e442", "normalisation"),
    "activation": ("#e69f00", "activation"),
    "resizing": ("#0072b2", "padding, cropping, up-sampling"),
    "recurrent": ("#882255", "recurrent"),
    "shape": ("#b8bec5", "another shape"),
    "regularisation": ("#d8dde2", "dropout, noise"),
    "other": ("#6e7781", "other"),
}
"""The colour of each kind, and what the legend calls it."""


def shaded(colour: str, towards: str, share: float) -> str:
    """A colour moved towards another one."""
    one, other = (bytes.fromhex(c.lstrip("#")) for c in (colour, towards))
    mixed = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return "#" + bytes(mixed).hex()
