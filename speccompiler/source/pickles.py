"""Pickled models, configs and texts: known by their bytes, never unpickled."""

from __future__ import annotations

import re
from pathlib import PurePath

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown

_BINARY = re.compile(rb"\x80[\x01-\x05]|[}\]]q[\x00-\xff]|X.{3}\x00", re.DOTALL)
_TEXT = re.compile(
    rb"\((?:dp|lp)\d|\(i[a-z_][\w.]*\n|c[a-z_][\w.]*\n\w+\n|[SV].{0,100000}\np0\n\.\s*\Z", re.DOTALL
)
"""Protocol 0: a dict, a list, an instance, a class, or a text that ends as pickles do."""


def is_pickle(data: bytes) -> bool:
    """Whether the bytes begin as a pickle of any protocol does."""
    return _BINARY.match(data) is not None or _TEXT.match(data) is not None


def pickled(data: bytes, file: str) -> Problem:
    """CS002 with the line of Python that makes a readable file of it."""
    name = PurePath(file).name
    loaded = f'pickle.load(open("{shown(name)}", "rb"))'
    if b"keras.models" in data or b"keras.engine" in data:
        line = f"import pickle; print({loaded}.to_json())"
    elif b'"class_name"' in data or b'"layers"' in data:
        line = f"import pickle; print({loaded})"
    else:
        line = f"import json, pickle; print(json.dumps({loaded}))"
    target = f"{PurePath(name).stem}.json"
    return Problem(
        "CS002",
        "this is a Python pickle, which is code; nothing of it was executed",
        f"if you trust it, run where Keras is: python -c '{line}' > {shown(target)}",
    )
