"""What a Lambda seems to compute: plain arithmetic of x and numbers, read from its byte code.

Keras 1.x stored ``marshal.dumps(function.__code__).decode("raw_unicode_escape")``, alone or
first in a list with defaults and closure (keras/layers/core.py, Lambda.get_config; utils/
generic_utils.py, func_dump). Nothing of it is run, nor given to Python's marshal: ``code_object``
reads the few types that such a code object is made of, and the operations of CPython 2.7 and 3.3
to 3.7 that are arithmetic are taken one by one. Whatever is not plain gives no answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speccompiler.expressions.affine import has_variable
from speccompiler.expressions.nodes import (
    MAX_DEPTH,
    Binary,
    Expression,
    Negate,
    Number,
    Variable,
    canonical,
    depth,
)
from speccompiler.loading.replacement.code_object import CodeObject, Unreadable, code_objects

LONGEST = 4096
LARGEST_INT = 10**15
NEGATIVE, DIVIDE, RETURN, LOAD_CONST, LOAD_FAST = 11, 21, 83, 100, 124
OPERATORS = {19: "**", 20: "*", DIVIDE: "/", 23: "+", 24: "-", 27: "/"}
"""BINARY_POWER, _MULTIPLY, _DIVIDE (Python 2's), _ADD, _SUBTRACT and _TRUE_DIVIDE."""
HAVE_ARGUMENT = 90
"""From this operation on, an argument of two bytes follows; since 3.6 every one has one byte."""


def lambda_expression(arguments: Any) -> str | None:
    """A Lambda's stored function as the text of an expression; None where it is more than that."""
    if not isinstance(arguments, dict) or arguments.get("function_type") != "lambda":
        return None
    function = arguments.get("function")
    if isinstance(function, list) and function:
        if len(function) > 3 or any(beside not in (None, []) for beside in function[1:]):
            return None
        function = function[0]
    if not isinstance(function, str) or not 0 < len(function) <= LONGEST:
        return None
    if arguments.get("arguments"):
        return None
    return expression_of(function.encode("raw_unicode_escape"))


def expression_of(data: bytes) -> str | None:
    """The expression in the bytes of a function; all ways to read them have to give the same."""
    found = {text for code in code_objects(data) for text in _texts(code)}
    return found.pop() if len(found) == 1 else None


def _texts(code: CodeObject) -> Iterator[str]:
    if code.arguments != 1 or code.locals != 1 or code.collects or code.enclosed:
        return
    for words in (False,) if code.python2 else (False, True):
        try:
            expression = _computed(code, words)
        except Unreadable:
            continue
        if has_variable(expression) and depth(expression) <= MAX_DEPTH:
            yield canonical(expression)


def _computed(code: CodeObject, words: bool) -> Expression:
    """What is on the stack when the function returns, which nothing may follow."""
    stack: list[Expression] = []
    operations = list(_operations(code.code, words))
    for position, (operation, argument) in enumerate(operations):
        if operation == LOAD_FAST and argument == 0:
            stack.append(Variable())
        elif operation == LOAD_CONST and argument < len(code.constants):
            stack.append(_number(code.constants[argument]))
        elif operation == NEGATIVE and stack:
            stack.append(Negate(stack.pop()))
        elif operation in OPERATORS and len(stack) > 1:
            right, left = stack.pop(), stack.pop()
            if operation == DIVIDE and not (code.python2 and _divides_floats(left, right)):
                raise Unreadable
            stack.append(Binary(OPERATORS[operation], left, right))
        elif operation == RETURN and len(stack) == 1 and position == len(operations) - 1:
            return stack[0]
        else:
            raise Unreadable
    raise Unreadable


def _operations(code: bytes, words: bool) -> Iterator[tuple[int, int]]:
    """Each operation and its argument, 0 where it has none."""
    if words:
        if len(code) % 2:
            raise Unreadable
        yield from zip(code[::2], code[1::2], strict=True)
        return
    at = 0
    while at < len(code):
        operation, size = code[at], 3 if code[at] >= HAVE_ARGUMENT else 1
        if at + size > len(code):
            raise Unreadable
        yield operation, int.from_bytes(code[at + 1 : at + size], "little")
        at += size


def _divides_floats(left: Expression, right: Expression) -> bool:
    """Python 2 rounds the quotient of two whole numbers down; x holds floats."""
    return any(has_variable(side) or _has_fraction(side) for side in (left, right))


def _has_fraction(constant: Expression) -> bool:
    """Whether a constant was written as a float: alone, for whole numbers are kept apart."""
    return isinstance(constant, _Float) or (
        isinstance(constant, Negate) and _has_fraction(constant.operand)
    )


class _Float(Number):
    """A number that was a float in the code."""


def _number(value: object) -> Expression:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        raise Unreadable
    size = abs(float(value))
    if size == float("inf") or value != value:
        raise Unreadable
    number = _Float(size) if isinstance(value, float) else Number(size)
    negative = value < 0 or (isinstance(value, float) and str(value).startswith("-"))
    return Negate(number) if negative else number
