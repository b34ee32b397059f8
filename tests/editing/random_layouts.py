"""Specs written in any way that YAML allows, with comments at every place."""

from __future__ import annotations

import json
import random
from typing import Any

LAYERS: list[dict[str, Any]] = [
    {"type": "Convolution2D", "name": "conv", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
     "border_mode": "same", "activation": {"expr": "max(x, 0) # no comment"}},
    {"type": "Flatten"},
    {"type": "Dense", "name": "it's", "output_dim": 3, "W_regularizer": {"name": "l2", "l": 0.01},
     "weights": [[[0.5, 1e-05], [2, -3]], list(range(8))]},
    {"type": "Merge", "name": "m", "inputs": ["conv", "it's"], "mode": "concat"},
    {"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": 2}},
    {"type": "Slice", "axis": -1, "start": None, "stop": [], "step": {}},
    {"type": "Activation", "name": "yes", "activation": "relu", "input_shape": [None, 8, 3]},
]  # fmt: skip
HEADER: dict[str, Any] = {
    "convspec": 1,
    "name": "a model: of 'words' \u4e2d",
    "dim_ordering": "tf",
    "input_shape": [8, None, 3],
    "outputs": ["m"],
    "x-more": {"of": [{"any": "kind"}, [[]]], "no": "no"},
}


class Layout:
    """Writes one spec; ``comments`` has those that it wrote, in their order."""

    def __init__(self, seed: int, *, ordered: bool) -> None:
        self.random = random.Random(seed)
        self.ordered = ordered
        self.comments: list[str] = []
        self.count = 0
        self.anchors: list[str] = []

    def spec(self) -> str:
        chance = self.random
        layers = [dict(chance.choice(LAYERS)) for _ in range(chance.randint(1, 5))]
        data = {**HEADER, "layers": layers}
        for key in list(HEADER)[1:]:
            if chance.random() < 0.4:
                del data[key]
        text = self.alone(0) + self.block(data, 0) + self.alone(0)
        return chance.choice(["", "", "---\n", "%YAML 1.1\n--- # start\n"]) + text

    def comment(self) -> str:
        self.count += 1
        said = f'#{self.random.choice([" ", "", "# "])}c{self.count}: "[{{x}}]" \'y'
        self.comments.append(said)
        return said

    def alone(self, indent: int) -> str:
        """Nothing, blank lines, or comments on lines of their own."""
        out = ""
        while self.random.random() < 0.25:
            blank = self.random.choice(["", "\n", "  \n\n"])
            out += blank + " " * indent + self.comment() + "\n"
        return out + ("\n" if self.random.random() < 0.1 else "")

    def behind(self) -> str:
        """The end of a line."""
        if self.random.random() < 0.2:
            return self.random.choice([" ", "    "]) + self.comment() + "\n"
        return self.random.choice(["\n", " \n"]) if self.random.random() < 0.1 else "\n"

    def items(self, data: dict[str, Any]) -> list[tuple[str, Any]]:
        found = list(data.items())
        if not self.ordered and self.random.random() < 0.5:
            self.random.shuffle(found)
        return found

    def block(self, data: Any, indent: int, *, first: bool = False) -> str:
        """Entries on lines of their own; of the ``first`` the indentation is there already."""
        out = ""
        pad = " " * indent
        entries = self.items(data) if isinstance(data, dict) else [(None, v) for v in data]
        for number, (key, value) in enumerate(entries):
            if number or not first:
                out += self.alone(indent) + pad
            start = "-" if key is None else self.scalar(key, key=True) + ":"
            out += start + self.value(value, indent, item=key is None)
        return out

    def value(self, value: Any, indent: int, *, item: bool) -> str:
        chance = self.random
        holds = isinstance(value, dict | list) and bool(value)
        if not holds or chance.random() < 0.4:
            gap = " "
            if chance.random() < 0.1:
                gap = self.behind() + self.alone(indent + 2) + " " * (indent + 3)
            return f"{gap}{self.flow(value, indent + 3)}{self.behind()}"
        deeper = indent + chance.choice([2, 2, 4, 1])
        if item and chance.random() < 0.6:
            deeper = indent + 2
            return " " + self.block(value, deeper, first=True)
        if isinstance(value, list) and not item and chance.random() < 0.3:
            deeper = indent  # a list may stand as far left as its key
        return self.behind() + self.block(value, deeper) + self.tail(deeper, indent)

    def tail(self, indent: int, outer: int) -> str:
        return self.alone(indent) if indent > outer else ""

    def flow(self, value: Any, indent: int) -> str:
        if not isinstance(value, dict | list):
            return self.scalar(value)
        entries = self.items(value) if isinstance(value, dict) else [(None, v) for v in value]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        out = opening + self.space(indent)
        for number, (key, inner) in enumerate(entries):
            start = "" if key is None else f"{self.scalar(key, key=True)}: "
            out += start + self.flow(inner, indent)
            last = number == len(entries) - 1
            comma = "" if last and self.random.random() < 0.9 else ","
            out += self.space(indent) + comma + ("" if last else " ") + self.space(indent)
        return out + closing

    def space(self, indent: int) -> str:
        if self.random.random() < 0.93:
            return ""
        return self.behind() + self.alone(indent) + " " * indent

    def scalar(self, value: Any, *, key: bool = False) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        choices = [json.dumps(value, ensure_ascii=False), "'" + value.replace("'", "''") + "'"]
        if value.replace("_", "").replace("-", "").isalnum() and value not in {"yes", "no"}:
            choices += [value] * 4
        return self.random.choice(choices)
