"""Names of activations that Keras 1.x has not: in its files they are functions of the author's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from speccompiler.diagnostics.core import Problem
from speccompiler.schemas.activation import OF_KERAS_1, ActivationName

_OWN = [name for name in get_args(ActivationName) if name in OF_KERAS_1]
_LATER = frozenset(get_args(ActivationName)) - OF_KERAS_1


def later_activations(data: Mapping[str, Any]) -> Iterator[Problem]:
    """CS023 for each activation of a layer that goes by a name of later releases."""
    for argument in ("activation", "inner_activation"):
        name = data.get(argument)
        if isinstance(name, str) and name in _LATER:
            # Few files have one, and only these need the names of other releases.
            from speccompiler.loading.known_names import value_hint

            yield Problem(
                "CS023",
                f"'{argument}' is '{name}'; allowed: {', '.join(_OWN)}",
                value_hint("activation", name),
                argument=argument,
            )
