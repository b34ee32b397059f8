"""The ``--replace`` option for a layer, as hints show it."""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")


def option(name: str, answer: str) -> str:
    """``--replace lambda_1="x / 127.5 - 1"``, as a shell takes it."""
    if _PLAIN.fullmatch(name) and not set(answer) & set('"$`\\!'):
        return f'--replace {name}="{answer}"'
    return f"--replace {shlex.quote(f'{name}={answer}')}"
