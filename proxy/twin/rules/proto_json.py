"""Checks JSON against a Google API message: known keys, types, enums. Both camelCase and snake_case keys count.

Source: the protocol buffers JSON mapping; reasons as the Data Manager API names them in ``fieldViolations``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cache
from typing import Any

from proxy.twin.rules.common import is_integer, is_number

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_INT64 = re.compile(r"-?\d{1,19}")


@dataclass(frozen=True, slots=True)
class Violation:
    """One entry of ``BadRequest.fieldViolations``; ``field`` is in snake_case with indices."""

    field: str
    description: str
    reason: str


class Kind(Enum):
    """Scalar types."""

    STRING = auto()
    NUMBER = auto()
    INT64 = auto()
    BOOL = auto()
    TIMESTAMP = auto()


Spec = Kind | frozenset[str] | Mapping[str, "Spec"] | list["Spec"]
"""A field: a scalar, an enum's names, a message by snake_case keys, or ``[spec]`` for a repeated field."""


@cache
def snake(key: str) -> str:
    """``userData`` to ``user_data``."""
    return _CAMEL.sub(lambda match: "_" + match[1].lower(), key)


def snake_keys(data: Any) -> Any:
    """Return a copy of the JSON with all keys in snake_case, so that rules have one spelling to look at."""
    if isinstance(data, dict):
        return {_short(key): snake_keys(value) for key, value in data.items()}
    if isinstance(data, list):
        return [snake_keys(item) for item in data]
    return data


def _short(key: str) -> str:
    return snake(key) if len(key) <= 64 else key  # the cache is for true names only


def check(data: Any, spec: Spec, path: str, found: list[Violation]) -> None:
    """Compare JSON with snake_case keys to a field's spec and appends what is wrong.

    Args:
        data: The value; null stands for an absent field.
        spec: What it must be.
        path: Path of the field as error messages name it.
        found: Violations so far.
    """
    if data is None:
        return
    match spec:
        case Kind():
            if not _scalar(data, spec):
                found.append(Violation(path, f"Invalid value at '{path}'.", _reason(spec)))
        case frozenset():
            if not isinstance(data, str) or data not in spec:
                found.append(
                    Violation(path, f"Invalid value at '{path}': not in the enum.", "INVALID_ENUM_VALUE")
                )
        case list():
            _check_list(data, spec[0], path, found)
        case _:
            _check_message(data, spec, path, found)


def _check_list(data: Any, spec: Spec, path: str, found: list[Violation]) -> None:
    if not isinstance(data, list):
        found.append(Violation(path, f"Invalid value at '{path}': not a list.", "INVALID_FORMAT"))
        return
    for index, item in enumerate(data):
        check(item, spec, f"{path}[{index}]", found)


def _check_message(data: Any, spec: Mapping[str, Spec], path: str, found: list[Violation]) -> None:
    if not isinstance(data, dict):
        found.append(Violation(path, f"Invalid value at '{path}': not an object.", "INVALID_FORMAT"))
        return
    prefix = f"{path}." if path else ""
    for key, value in data.items():
        field = spec.get(key)
        if field is None:
            name = key[:40]
            text = f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
            found.append(Violation(f"{prefix}{name}", text, "INVALID_FORMAT"))
        else:
            check(value, field, f"{prefix}{key}", found)


def _scalar(data: Any, kind: Kind) -> bool:
    match kind:
        case Kind.STRING:
            return isinstance(data, str)
        case Kind.NUMBER:
            return is_number(data)
        case Kind.INT64:
            return is_integer(data) or (isinstance(data, str) and _INT64.fullmatch(data) is not None)
        case Kind.BOOL:
            return isinstance(data, bool)
        case Kind.TIMESTAMP:
            return parse_timestamp(data) is not None


def _reason(kind: Kind) -> str:
    return "INVALID_NUMBER_FORMAT" if kind in {Kind.NUMBER, Kind.INT64} else "INVALID_FORMAT"


def parse_timestamp(value: Any) -> float | None:
    """Unix seconds of an RFC 3339 time with its zone; None if it is not one."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).timestamp()
    except ValueError:  # the 31st of February
        return None
