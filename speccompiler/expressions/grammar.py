"""Text -> expression, by precedence climbing.

    value     = number | "x" | "pi" | "e" | "(" value ")" | ("-" | "+") value
              | value ("+" | "-" | "*" | "/" | "**") value | function "(" value, ... ")"
              | "where" "(" condition "," value "," value ")"
              | array
    array     = "[" entry, ... "]"    (in an Activation layer's expression alone)
    entry     = ("-" | "+") number | number | array
    condition = value ("<" | "<=" | ">" | ">=" | "==" | "!=") value
              | condition ("and" | "or") condition | "not" condition | "(" condition ")"

Operators bind as in Python: ``-x**2`` is ``-(x**2)`` and ``2**3**2`` is
``2**(3**2)``. Nothing is executed, and nothing is computed while parsing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.expressions.nodes import (
    AND,
    BINDING,
    COMPARE,
    CONSTANTS,
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NODES,
    UNARY,
    Binary,
    Call,
    Compare,
    Condition,
    Expression,
    Logical,
    Negate,
    Node,
    Not,
    Number,
    Parameter,
    Variable,
    Where,
    canonical,
    depth,
)
from speccompiler.expressions.tokens import USE_OPERATORS, Token, place, tokenize, wrong_syntax
from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy

_Made = TypeVar("_Made", bound=Node)


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers in nested lists, row by row; they stand beside a value as NumPy broadcasts them."""

    values: tuple[float, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression whose parameters are arrays that its text holds."""

    expression: Expression
    arrays: tuple[Array, ...]


def parse(text: str) -> Expression:
    """The expression that a text says.

    Raises ``CS030`` for wrong syntax, ``CS031`` for an unknown name, ``CS032``
    for a wrong number of arguments, ``CS033`` for an expression over the limits
    of ``nodes``, ``CS034`` for a condition in place of a value or the reverse.
    Columns count characters from 1.
    """
    return _parse(text, arrays=False).expression


def parse_with_arrays(text: str) -> Parsed:
    """An expression that may hold lists of numbers, such as ``x - [103.9, 116.8, 123.7]``."""
    return _parse(text, arrays=True)


def with_arrays(text: str, others: Mapping[Array, Array]) -> str:
    """The text of an expression with each of its arrays replaced."""
    parsed = parse_with_arrays(text)
    names = {f"p{i}": _listed(others[array]) for i, array in enumerate(parsed.arrays)}
    return re.sub(r"\bp[0-9]+\b", lambda found: names[found[0]], canonical(parsed.expression))


def _listed(array: Array) -> str:
    if not array.shape:
        return canonical(_number(array.values[0]))
    count = len(array.values) // array.shape[0]
    rows = (array.values[i * count : (i + 1) * count] for i in range(array.shape[0]))
    return "[" + ", ".join(_listed(Array(row, array.shape[1:])) for row in rows) + "]"


def _number(value: float) -> Expression:
    return Negate(Number(-value)) if math.copysign(1.0, value) < 0 else Number(value)


def _parse(text: str, *, arrays: bool) -> Parsed:
    if len(text) > MAX_LENGTH:
        _too_large(f"the expression has {len(text)} characters", f"{MAX_LENGTH} are allowed")
    tokens = tokenize(text)
    if len(tokens) == 1:
        raise Problem("CS030", "the expression is empty", "write for example x * sigmoid(x)")
    parser = _Parser(text, tokens, arrays=arrays)
    expression = parser.whole()
    if depth(expression) > MAX_DEPTH:
        _too_deep()
    # So that the canonical text of every expression can be read again.
    if len(canonical(expression)) > MAX_LENGTH:
        _too_large(
            f"written out, the expression has more than {MAX_LENGTH} characters",
            f"{MAX_LENGTH} are allowed",
        )
    return Parsed(expression, tuple(parser.arrays))


class _Parser:
    """Reads tokens from left to right; each method consumes what it returns."""

    def __init__(self, text: str, tokens: list[Token], *, arrays: bool) -> None:
        self.takes_arrays = arrays
        self.arrays: list[Array] = []
        self.text = text
        self.tokens = tokens
        self.position = 0
        self.nodes = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def whole(self) -> Expression:
        column = self.token.column
        expression = self.value(self.operation(0), column)
        if self.token.kind != "end":
            starts_value = self.token.kind in ("name", "number") or self.token.text == "("
            joined = "put an operator between two values: 2 * x, not 2x"
            self.unexpected(joined if starts_value else USE_OPERATORS)
        return expression

    def operation(self, minimum: int) -> Node:
        """An operand, with all operators after it that bind at least ``minimum``."""
        column = self.token.column
        left = self.operand()
        while (binding := BINDING.get(self.token.text, -1)) >= minimum:
            operator = self.take().text
            right_column = self.token.column
            # The exponent may carry a sign, and powers group from the right.
            right = self.nested(UNARY) if operator == "**" else self.operation(binding + 1)
            if binding <= AND:
                sides = self.condition(left, column), self.condition(right, right_column)
                left = self.made(Logical(operator, *sides))
                continue
            hint = "join comparisons with and: 0 < x and x < 1" if binding == COMPARE else None
            values = self.value(left, column, hint), self.value(right, right_column, hint)
            kind = Compare if binding == COMPARE else Binary
            left = self.made(kind(operator, *values))
        return left

    def operand(self) -> Node:
        token = self.token
        if token.kind == "end":
            wrong_syntax("the expression ends where a value is needed", self.text, token.column)
        if token.kind == "name" and token.text not in (*BINDING, "not"):
            self.take()
            return self.call(token) if self.token.text == "(" else self.name(token)
        if token.text == "[" and self.takes_arrays:
            array = self.array()
            if array not in self.arrays:
                self.arrays.append(array)
            return self.made(Parameter(self.arrays.index(array)))
        if token.text == "[":
            self.unexpected(NO_ARRAYS)
        if token.kind != "number" and token.text not in ("-", "+", "(", "not"):
            self.unexpected("a value is needed here: a number, x, a function or '('")
        self.take()
        column = self.token.column
        match token.text:
            case "-":
                return self.made(Negate(self.value(self.nested(UNARY), column)))
            case "+":
                return self.value(self.nested(UNARY), column)
            case "not":
                return self.made(Not(self.condition(self.nested(COMPARE), column)))
            case "(":
                inner = self.nested(0)
                self.close(token)
                return inner
        return self.made(Number(self.number(token)))

    def number(self, token: Token) -> float:
        number = float(token.text)
        if math.isinf(number):
            wrong_syntax("a number too large for a float", self.text, token.column)
        return number

    def array(self) -> Array:
        """Numbers, or arrays of one shape."""
        opened = self.take()
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            _too_deep()
        entries: list[Array] = []
        while entries or self.token.text != "]":
            column = self.token.column
            entries.append(self.array() if self.token.text == "[" else self.signed())
            if entries[-1].shape != entries[0].shape:
                wrong_syntax("an entry of another shape", self.text, column, SAME_SHAPE)
            if self.token.text != ",":
                break
            self.take()
        if self.token.kind == "end":
            wrong_syntax("'[' is never closed", self.text, opened.column, "add the missing ']'")
        if not entries or self.token.text != "]":
            self.unexpected("a list holds numbers: [103.9, 116.8, 123.7]")
        self.take()
        self.nesting -= 1
        values = tuple(value for entry in entries for value in entry.values)
        return Array(values, (len(entries), *entries[0].shape))

    def signed(self) -> Array:
        sign = 1.0
        while self.token.text in ("-", "+"):
            sign *= -1.0 if self.take().text == "-" else 1.0
        if self.token.kind != "number":
            self.unexpected("a list holds numbers: [103.9, 116.8, 123.7]")
        return Array((sign * self.number(self.take()),), ())

    def name(self, token: Token) -> Expression:
        name = token.text
        if name == "x":
            return self.made(Variable())
        if name in CONSTANTS:
            return self.made(Number(CONSTANTS[name]))
        if name in FUNCTIONS:
            found = f"the function '{name}' without arguments"
            wrong_syntax(found, self.text, token.column, f"write {_signature(name)}")
        raise Problem(
            "CS031",
            f"unknown name '{name}'{place(self.text, token.column)}",
            did_you_mean(name, ["x", *CONSTANTS, *FUNCTIONS]) or "the names are x, pi and e",
            remedy=_meant(name, ["x", *CONSTANTS, *FUNCTIONS]),
        )

    def call(self, function: Token) -> Expression:
        name = function.text
        if name not in FUNCTIONS:
            self.unknown_function(function)
        opened = self.take()
        arguments: list[tuple[Node, int]] = []
        while arguments or self.token.text != ")":
            column = self.token.column
            arguments.append((self.nested(0), column))
            if self.token.text != ",":
                break
            self.take()
        self.close(opened)
        wanted = len(FUNCTIONS[name])
        if len(arguments) != wanted:
            raise Problem(
                "CS032",
                f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}, and {len(arguments)} "
                f"{'is' if len(arguments) == 1 else 'are'} given"
                f"{place(self.text, function.column)}",
                f"write {_signature(name)}",
            )
        if name == "where":
            condition = self.condition(*arguments[0])
            chosen, otherwise = (self.value(*argument) for argument in arguments[1:])
            return self.made(Where(condition, chosen, otherwise))
        values = tuple(self.value(*argument) for argument in arguments)
        return self.made(Binary("**", *values) if name == "pow" else Call(name, values))

    def close(self, opened: Token) -> None:
        if self.token.kind == "end":
            wrong_syntax("'(' is never closed", self.text, opened.column, "add the missing ')'")
        if self.token.text != ")":
            self.unexpected("an operator or ')' is needed here")
        self.take()

    def nested(self, minimum: int) -> Node:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            _too_deep()
        node = self.operation(minimum)
        self.nesting -= 1
        return node

    def made(self, node: _Made) -> _Made:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            _too_large(
                f"the expression has more than {MAX_NODES} numbers, variables and operations",
                f"{MAX_NODES} are allowed",
            )
        return node

    def value(self, node: Node, column: int, hint: str | None = None) -> Expression:
        if isinstance(node, Compare | Logical | Not):
            raise Problem(
                "CS034",
                f"a condition where a value is needed{place(self.text, column)}",
                hint or "choose between two values with where(condition, a, b)",
            )
        return node

    def condition(self, node: Node, column: int) -> Condition:
        if isinstance(node, Compare | Logical | Not):
            return node
        raise Problem(
            "CS034",
            f"a value where a condition is needed{place(self.text, column)}",
            "compare it with something, for example x > 0",
        )

    def unknown_function(self, token: Token) -> NoReturn:
        name = token.text
        hint = did_you_mean(name, FUNCTIONS)
        if name == "x" or name in CONSTANTS:
            hint = f"{name} is a value; multiply with {name} * (...)"
        elif name == "softmax":
            hint = "softmax looks at all channels together; use it by its name alone"
        raise Problem(
            "CS031",
            f"unknown function '{name}'{place(self.text, token.column)}",
            hint or f"the functions are {', '.join(sorted(FUNCTIONS))}",
            remedy=_meant(name, FUNCTIONS) if hint == did_you_mean(name, FUNCTIONS) else None,
        )

    def unexpected(self, hint: str) -> NoReturn:
        wrong_syntax(f"unexpected '{self.token.text}'", self.text, self.token.column, hint)


NO_ARRAYS = "a list of numbers, one for each channel, is for the expression of an Activation layer"
SAME_SHAPE = "the entries of a list are all numbers, or all lists of one length"


def _signature(name: str) -> str:
    return f"{name}({', '.join(FUNCTIONS[name])})"


def _too_deep() -> NoReturn:
    _too_large(
        f"the expression nests more than {MAX_DEPTH} levels of parentheses and operations",
        f"{MAX_DEPTH} are allowed",
        "write a shorter expression, or split a long sum into groups in parentheses",
    )


def _too_large(found: str, allowed: str, hint: str = "write a shorter expression") -> NoReturn:
    raise Problem("CS033", f"{found}, and at most {allowed}", hint)


def _meant(name: str, known: Iterable[str]) -> Remedy | None:
    """The name that is most like one that is unknown."""
    from speccompiler.diagnostics.remedies import Remedy, Word
    from speccompiler.diagnostics.spelling import spelt

    found = spelt(name, known)
    return None if found is None else Remedy(Word(name, found[0]), safe=found[1])
