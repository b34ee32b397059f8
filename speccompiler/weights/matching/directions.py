"""How files name the tensors of a Bidirectional: after the layer in it, by its direction.

Ours are ``forward_W_i`` and ``backward_W_i``; Keras writes ``forward_lstm_1_W_i``. Up to 1.1.2 it
renamed the wrapped layer itself, so that a file may say ``forward_lstm_1`` for it (Keras 1.1.2
layers/wrappers.py:164).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIRECTED = re.compile(r"(forward_|backward_)(.+)")


def named_after(inner: str, tensor: str) -> Iterator[str]:
    """The names that Keras gives a tensor of a layer which wraps the layer ``inner``."""
    found = _DIRECTED.fullmatch(tensor)
    if found is None:
        yield f"{inner}_{tensor}"
        return
    direction, own = found.groups()
    for name in dict.fromkeys((inner.removeprefix("forward_"), inner)):
        yield f"{direction}{name}_{own}"


def directed(name: str, ending: str) -> str | None:
    """What ``forward_lstm_1_W_i`` is to a Bidirectional that has the tensor ``ending``: its owner.

    That is the name of the forward layer. None for the name of another tensor.
    """
    found = _DIRECTED.fullmatch(ending)
    if found is None:
        return None
    direction, own = found.groups()
    if not name.startswith(direction) or not name.endswith(f"_{own}"):
        return None
    inner = name[len(direction) : -len(own) - 1]
    return f"forward_{inner}" if inner else None
