"""A secret of the configuration: readable once from where it lies, never printable."""

import os
from pathlib import Path

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Secret:
    """A secret of the configuration, written ``env:NAME`` or ``file:PATH``. Never printed, never serialised.

    A literal value is taken too (tests and the demo use it); ``check-config`` warns about that.
    """

    __slots__ = ("_value", "literal", "source")

    def __init__(self, written: str) -> None:
        self.literal = False
        self.source = written
        if written.startswith("env:"):
            name = written[4:]
            if name not in os.environ:
                raise ValueError(f"the environment has no variable {name}")
            self._value = os.environ[name].strip()
        elif written.startswith("file:"):
            try:
                self._value = Path(written[5:]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ValueError(f"cannot read the file {written[5:]}") from None
        else:
            self._value = written
            self.literal = True
            self.source = "literal"
        if not self._value:
            raise ValueError("the secret is empty")

    def reveal(self) -> str:
        """Return the secret itself. Call it only where a request is built."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read a secret from a string and write it as stars."""
        from_str = core_schema.no_info_after_validator_function(cls, core_schema.str_schema(min_length=1))
        return core_schema.json_or_python_schema(
            json_schema=from_str,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_str]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _secret: "***"),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe a secret for editors."""
        return {"type": "string", "description": "env:NAME or file:PATH"}
