"""How wide a text is, without a font at hand.

The widths are those of DejaVu Sans, which is wider than the fonts that it stands in for: what
fits there fits in Helvetica and Arial.
"""

from __future__ import annotations

from unicodedata import combining, east_asian_width

# fmt: off
_REGULAR = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)
# fmt: on
"""Of the characters from the space to the tilde, in thousandths of the font's size."""
_SIGNS = {"⌈": 457, "⌉": 457, "·": 380}


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line. Letters that have no width here count as wide ones."""
    widths = _BOLD if bold else _REGULAR
    thousandths = 0
    for letter in text:
        code = ord(letter) - 32
        if 0 <= code < len(widths):
            thousandths += widths[code]
        elif letter in _SIGNS:
            thousandths += _SIGNS[letter]
        elif not combining(letter):
            thousandths += 1400 if east_asian_width(letter) in "WF" else 1000
    return thousandths * size / 1000


def fitted(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, cut off with an ellipsis where it is wider than ``width``."""
    if text_width(text, size, bold=bold) <= width:
        return text
    kept = text
    while kept and text_width(kept + "…", size, bold=bold) > width:
        kept = kept[:-1]
    return kept + "…"
