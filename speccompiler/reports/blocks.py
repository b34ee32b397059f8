"""Which layers are a block of a network, by their names: ``m3a_1x1_conv`` is one of ``m3a``.

Nothing in a model says what its blocks are, but names do. Nested models are unfolded, and their
layers keep their names; so do those of a ``TimeDistributed`` model. The rule, in this order:

1. A name that Keras gave, its type and a number (``dropout_1``), says nothing: the layer is in the
   block of the layer before it, and in front in that of the layer after it.
2. A name with ``/`` is in the block of all before the first one: ``inception_3a/1x1``.
3. Else it is in that of its first word, up to ``_``, ``.`` or ``-``: ``fire2_squeeze``. Words that
   say what a layer does, such as ``bn``, are passed over if another follows (``bn_conv1``), and a
   first word without a number takes the next one along that begins with one: ``block_3_expand``.
4. Words that are what a layer does and a number are one block for each number: ``conv1_1``,
   ``pool1``; ``res2a_branch1``, ``bn2a_branch1``, ``add2a``. The first layer gives it its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from speccompiler.reports.layer_report import LayerReport

_DOING = (
    "act|activation|add|avgpool|batchnorm|bn|concat|conv|conv2d|drop|dropout|dense|fc|ip|join|"
    "maxpool|merge|norm|pad|pool|relu|res|scale|sum"
)
_NUMBERED = re.compile(rf"(?:{_DOING})(\d\w*)", re.IGNORECASE)
_ALONE = re.compile(_DOING, re.IGNORECASE)


def blocks(layers: Sequence[LayerReport]) -> tuple[str, ...]:
    """The block of each layer."""
    keys = [_key(layer) for layer in layers]
    names: dict[str, str] = {}
    for key, word in filter(None, keys):
        names.setdefault(key, word)
    found = [None if key is None else names[key[0]] for key in keys]
    first = next((name for name in found if name is not None), "all")
    last = first
    filled = []
    for name in found:
        last = name or last
        filled.append(last)
    return tuple(filled)


def _key(layer: LayerReport) -> tuple[str, str] | None:
    """What tells blocks apart, and the word that a block may be named by; None by rule 1."""
    name = layer.shared_with or layer.name
    if re.fullmatch(rf"{re.escape(layer.type)}_\d+", name, re.IGNORECASE):
        return None
    before, slash, _ = name.partition("/")
    if slash and before:
        return before, before
    words = [word for word in re.split(r"[_.\-]", name) if word] or [name]
    while len(words) > 1 and _ALONE.fullmatch(words[0]) and not words[1][0].isdigit():
        words = words[1:]
    word = words[0]
    if len(words) > 1 and not any(c.isdigit() for c in word) and words[1][0].isdigit():
        word = name[name.index(word) :][: len(word) + 1 + len(words[1])]
    numbered = _NUMBERED.fullmatch(word)
    return (numbered[1].lower(), word) if numbered else (word, word)
