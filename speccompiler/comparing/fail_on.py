"""What makes ``convspec diff`` fail: ``breaking,params>10%,peak>+64MiB``.

::

    list      = condition { "," condition }
    condition = "none" | "breaking" | "cost" | "note"      a change of this impact, or a worse one
              | quantity ">" [ "+" ] percent "%"           growth, as a part of the old value
              | quantity ">" "+" amount                    growth
              | quantity ">" amount                        the new value itself
    quantity  = "params" | "macs" | "activations" | "peak"

Amounts are numbers or texts such as ``5M`` and ``64MiB``. A model that did not change breaks no
condition. What depends on open lengths is decided where ``TRIED_LENGTHS`` agree.
"""

from __future__ import annotations

import re
from fractions import Fraction

from speccompiler.comparing.file_diff import FileDiff
from speccompiler.comparing.model_diff import Amount, Impact
from speccompiler.diagnostics.core import did_you_mean
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, evaluate, symbols
from speccompiler.reports.number_text import count, size
from speccompiler.schemas.amounts import BYTE_UNITS, COUNT_UNITS, amount

QUANTITIES = {
    "params": "parameters",
    "macs": "multiply_adds",
    "activations": "activation_bytes",
    "peak": "peak_bytes",
}
"""As conditions name them, and as a comparison does."""
_ALSO = {
    "parameters": "params",
    "multiply_adds": "macs",
    "multiply-adds": "macs",
    "activation_bytes": "activations",
    "peak_bytes": "peak",
}
TRIED_LENGTHS = (256, 1024, 4096, 65536)
"""What open lengths are taken to be, all alike: growth may differ for tiny inputs alone."""
NONE = "none"
WORDS = (NONE, *Impact)
EXAMPLE = "breaking,params>10%,peak>64MiB"
_CONDITION = re.compile(r"([^<>=]*?)\s*(>=|<=|=>|=<|==|>|<|=)\s*(.*)", re.DOTALL)
_PERCENT = re.compile(r"\+?\s*([0-9]+(?:\.[0-9]+)?)\s*%", re.ASCII)


class BadCondition(ValueError):
    """A condition that cannot be read; ``start`` and ``end`` say where in the list it stands."""

    def __init__(self, text: str, start: int, end: int, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.text, self.start, self.end = text, start, end
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Broken by a change of this impact or a worse one."""

    impact: Impact

    def __str__(self) -> str:
        return str(self.impact)


@dataclass(frozen=True, slots=True)
class Growth:
    """Broken where a quantity grows by more than this."""

    quantity: str
    relative: bool
    limit: Fraction
    """A part of the old value, or an amount."""
    written: str

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Above:
    """Broken where the new value of a quantity is more than this."""

    quantity: str
    limit: int
    written: str

    def __str__(self) -> str:
        return self.written


Condition = AtLeast | Growth | Above


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition held against a comparison."""

    condition: Condition
    broken: bool | None
    """None where it depends on a length that is open."""
    reason: str
    """What it was held against: ``parameters 4,385 -> 5,000, +14.0%``."""


def read_conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a list; none for ``none``. Raises ``BadCondition``."""
    found: list[Condition] = []
    at, words = 0, []
    for part in text.split(","):
        start = at + len(part) - len(part.lstrip())
        end = max(start + 1, at + len(part.rstrip()))
        try:
            condition = _condition(part.strip())
        except ValueError as error:
            message, *hint = error.args
            raise BadCondition(text, start, end, message, *(hint or [None])) from None
        words.append(part.strip().casefold())
        if condition is not None:
            found.append(condition)
        at += len(part) + 1
    if NONE in words and len(words) > 1:
        start = text.casefold().index(NONE)
        raise BadCondition(
            text, start, start + len(NONE), "'none' stands alone: it means that nothing fails", None
        )
    return tuple(found)


def _condition(text: str) -> Condition | None:
    if not text:
        raise ValueError("a condition is empty", f"write them as {EXAMPLE}")
    matched = _CONDITION.fullmatch(text)
    if matched is None:
        word = text.casefold()
        if word in set(Impact):
            return AtLeast(Impact(word))
        if word == NONE:
            return None
        if word in QUANTITIES or word in _ALSO:
            raise ValueError(f"'{shown(text)}' needs a limit", f"such as {shown(text)}>10%")
        raise ValueError(
            f"'{shown(text)}' is no condition",
            did_you_mean(text, (*WORDS, *QUANTITIES))
            or f"words: {', '.join(WORDS)}; or a limit of {', '.join(QUANTITIES)}, such as "
            "params>10%",
        )
    name, sign, limit = matched.groups()
    quantity = _ALSO.get(name.casefold(), name.casefold())
    if quantity not in QUANTITIES:
        raise ValueError(
            f"'{shown(name)}' is no quantity",
            did_you_mean(name, (*QUANTITIES, *_ALSO)) or f"quantities: {', '.join(QUANTITIES)}",
        )
    if sign != ">":
        raise ValueError(
            f"'{sign}' limits nothing here: a condition says what is too much",
            f"write {quantity}>{limit.strip() or '10%'}",
        )
    return _limit(quantity, limit.strip(), f"{quantity}>{limit.strip()}")


def _limit(quantity: str, text: str, written: str) -> Condition:
    if not text:
        raise ValueError(f"'{written}' needs a limit", f"such as {quantity}>10%")
    if text.endswith("%"):
        percent = _PERCENT.fullmatch(text)
        if percent is None:
            raise ValueError(f"'{shown(text)}' is no percentage", f"such as {quantity}>10%")
        return Growth(quantity, True, Fraction(percent[1]) / 100, written)
    units = BYTE_UNITS if quantity in {"activations", "peak"} else COUNT_UNITS
    limit = amount(text.removeprefix("+"), units)
    if text.startswith("+"):
        return Growth(quantity, False, Fraction(limit), written)
    return Above(quantity, limit, written)


def judge(condition: Condition, file: FileDiff) -> Verdict:
    """Hold a condition against a file, with the impacts as the project decided them.

    A model that is new has not grown; an upper bound counts for it, too.
    """
    if isinstance(condition, AtLeast):
        order = list(Impact)
        bad = [c for c in file.changes if order.index(c.impact) <= order.index(condition.impact)]
        changes = f"{len(bad)} change{'' if len(bad) == 1 else 's'}"
        return Verdict(condition, bool(bad), changes)
    held = _amount(condition.quantity, file)
    if not file.changes or held is None:
        return Verdict(condition, False, "nothing changed")
    if isinstance(condition, Growth) and file.diff is None:
        return Verdict(condition, False, "there is nothing to compare with")
    return Verdict(condition, _broken(condition, held), _reason(held))


def _amount(quantity: str, file: FileDiff) -> Amount | None:
    name = QUANTITIES[quantity]
    if file.diff is not None:
        return next((a for a in file.diff.amounts if a.name == name), None)
    if file.report is None or file.new_name is None:
        return None
    value: Dim | None = getattr(file.report, name)
    return Amount(name, None, value)


def _broken(condition: Growth | Above, held: Amount) -> bool | None:
    old, new = held.old, held.new
    if new is None or (isinstance(condition, Growth) and old is None):
        return None
    if isinstance(condition, Above):
        return _positive(new - condition.limit)
    assert old is not None, "growth is asked for with both values"
    if not condition.relative:
        return _positive(new - old - int(condition.limit))
    # new > old * (1 + n/d), in whole numbers
    top, bottom = condition.limit.numerator, condition.limit.denominator
    return _positive(new * bottom - old * (bottom + top))


def _positive(value: Dim) -> bool | None:
    """Whether it is above 0; None where that depends on lengths that are open."""
    if isinstance(value, int):
        return value > 0
    names = symbols(value)
    decided = {evaluate(value, dict.fromkeys(names, length)) > 0 for length in TRIED_LENGTHS}
    return decided.pop() if len(decided) == 1 else None


def _reason(held: Amount) -> str:
    of_bytes = held.name.endswith("_bytes")
    write = size if of_bytes else count
    name = {"activation_bytes": "activations", "peak_bytes": "peak"}.get(held.name, held.name)
    name = name.replace("_", "-")
    old, new = ("open" if each is None else write(each) for each in (held.old, held.new))
    text = f"{name} {old} -> {new}" if held.old is not None else f"{name} {new}"
    if isinstance(held.old, int) and isinstance(held.new, int) and held.old:
        text += f", {100 * (held.new - held.old) / held.old:+.1f}%"
    return text
