"""Types of arguments that most specs leave out: their validators are made when one occurs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class Seldom:
    """Stands for a type of another module of ``schemas``: models that have their rules, and names.

    A layer with a kernel takes three regularisers and two constraints, each one of several
    models; to make their validators costs more than those of all else that such a layer takes.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._made: TypeAdapter[Any] | None = None

    @property
    def kind(self) -> Any:
        """The type itself."""
        return getattr(import_module(f"speccompiler.schemas.{self._module}"), self._name)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # Inside another schema, so that a model becomes a definition of its own.
        return handler(core_schema.definitions_schema(self._adapter().core_schema, []))

    def _validate(self, value: Any) -> Any:
        return self._adapter().validate_python(value)

    def _adapter(self) -> TypeAdapter[Any]:
        if self._made is None:
            from pydantic import TypeAdapter

            self._made = TypeAdapter(self.kind)
        return self._made
