"""What an editor may set: how specs are read that leave it open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from speccompiler.diagnostics.core import did_you_mean
from speccompiler.loading.spec import OrderingName, SemanticsName
from speccompiler.options import LoadOptions

SECTION = "convspec"
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "semantics": get_args(SemanticsName),
    "dim_ordering": get_args(OrderingName),
}


class EditorSettings:
    """The options of the command line, with what the editor says over them."""

    def __init__(self, options: LoadOptions) -> None:
        self._base = options
        self.options = options

    def take(self, given: object) -> list[str]:
        """Take settings over; what is wrong with them, in words.

        They may stand in a section ``convspec``, and null leaves one to the spec.
        """
        found: list[str] = []
        said: Any = given
        if isinstance(said, Mapping) and isinstance(said.get(SECTION), Mapping):
            said = said[SECTION]
        if said is None:
            said = {}
        if not isinstance(said, Mapping):
            return [f"the settings are no mapping, but {said!r}"]
        chosen: dict[str, Any] = {}
        for name, value in said.items():
            allowed = ALLOWED.get(str(name))
            if allowed is None:
                hint = did_you_mean(str(name), ALLOWED) or f"settings: {', '.join(ALLOWED)}"
                found.append(f"no setting '{name}'; {hint}")
            elif value is not None and value not in allowed:
                found.append(f"'{name}' is {value!r}; allowed: {', '.join(allowed)}")
            elif value is not None:
                chosen[str(name)] = value
        self.options = replace(self._base, **chosen)
        return found
