"""Pydantic's errors, translated: where in the document, what is wrong there, what its model allows. Pure.

Pydantic's own words and the values it was given are left behind: a value may be a secret.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from proxy.secret import Secret
from proxy.settings_problems import OWN, Finding, Loc

_KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
_IN_WORDS = {
    "missing": "missing",
    "greater_than_equal": "too small",
    "greater_than": "too small",
    "less_than_equal": "too large",
    "less_than": "too large",
    "too_short": "too short",
    "string_too_short": "too short",
    "too_long": "too long",
    "string_too_long": "too long",
    "string_pattern_mismatch": "not in the right form",
    "literal_error": "not one of the words allowed",
    "finite_number": "not a finite number",
}


def findings(error: ValidationError, model: type[BaseModel], data: object) -> list[Finding]:
    """Translate what pydantic found in ``data``, which was to become a ``model``. One finding per place."""
    found: dict[Loc, Finding] = {}
    for line in error.errors(include_input=False, include_url=False):
        loc = _real_loc(line, data)
        # A union reports each of its members; the one that read the value knows better than "is no instance".
        if loc not in found or line["type"] not in {"is_instance_of", "none_required"}:
            found[loc] = _finding(line, loc, model, data)
    # A list that lost its members to problems of their own is not too short for that.
    inner = {loc[: len(loc) - up] for loc in found for up in range(1, len(loc) + 1)}
    return [one for one in found.values() if one.what != "too short" or one.loc not in inner]


def _real_loc(line: ErrorDetails, data: object) -> Loc:
    """Strip what pydantic adds to a place: the members of unions, ``[key]``."""
    if line["type"] == OWN:
        return tuple(part for part in line["loc"] if part != "[key]")
    real: list[str | int] = []
    here = data
    for position, part in enumerate(line["loc"]):
        if _has(here, part):
            here = here[part]  # type: ignore[index]  # said by _has
        elif line["type"] != "missing" or position < len(line["loc"]) - 1:
            continue
        real.append(part)
    return tuple(real)


def _has(here: object, part: str | int) -> bool:
    if isinstance(here, list):
        return isinstance(part, int) and part < len(here)
    return isinstance(here, Mapping) and part in here


def _finding(line: ErrorDetails, loc: Loc, model: type[BaseModel], data: object) -> Finding:
    context = line.get("ctx", {})
    kind = line["type"]
    if kind == OWN:
        return Finding(loc, str(context["what"]), str(context["allowed"]))
    if kind == "extra_forbidden":
        return _unknown_key(loc, model)
    if kind in {"value_error", "assertion_error"}:
        return Finding(loc, line["msg"].partition(", ")[2], _secret_form(_field_at(model, loc)[1]))
    field, annotation = _field_at(model, loc)
    allowed = _allowed(annotation, field.metadata if field is not None else ())
    if kind == "string_pattern_mismatch":
        allowed = f"a text that matches {context['pattern']}"
    what = _IN_WORDS.get(kind) or f"{_kind_at(data, loc)} stands here"
    return Finding(loc, what, allowed or line["msg"].removeprefix("Input should be "))


def _unknown_key(loc: Loc, model: type[BaseModel]) -> Finding:
    _, annotation = _field_at(model, loc[:-1])
    known = sorted({name for one in _models(annotation) for name in one.model_fields})
    near = get_close_matches(str(loc[-1]), known, n=1)
    return Finding(loc, f"unknown key; did you mean {near[0]}?" if near else "unknown key", ", ".join(known))


# --- what a model allows at a place ---------------------------------------------------------------------------------
# Annotations have no common type, hence Any.


def _field_at(model: type[BaseModel], loc: Loc) -> tuple[FieldInfo | None, Any]:
    """Return the field at a place and what it is to hold; a list's or table's members have no field of their own."""
    annotation: Any = model
    field: FieldInfo | None = None
    for part in loc:
        fields = [one.model_fields for one in _models(annotation)]
        field = next((one[part] for one in fields if isinstance(part, str) and part in one), None)
        annotation = field.annotation if field is not None else _member(annotation)
    return field, annotation


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation's alternatives, without what is annotated to them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for one in get_args(annotation):
            yield from _parts(one)
    elif annotation is not None and annotation is not type(None):
        yield annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [one for one in _parts(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]


def _member(annotation: Any) -> Any:
    """Return what the members of a list or the values of a table are to be, or None."""
    for one in _parts(annotation):
        arguments = [argument for argument in get_args(one) if argument is not ...]
        if arguments and get_origin(one) is not Literal:
            return arguments[-1]
    return None


def _secret_form(annotation: Any) -> str:
    return '"env:NAME" or "file:PATH"' if Secret in _parts(annotation) else ""


def _allowed(annotation: Any, metadata: Sequence[Any]) -> str:
    for one in _parts(annotation):
        if get_origin(one) is Literal:
            return ", ".join(f'"{word}"' if isinstance(word, str) else str(word) for word in get_args(one))
        if one is Secret:
            return _secret_form(one)
        kind = get_origin(one) or one
        if not isinstance(kind, type):
            continue
        if issubclass(kind, (tuple, list, set, frozenset)):
            kind = list
        elif issubclass(kind, (BaseModel, Mapping)):
            kind = dict
        if kind in _KINDS:
            return _KINDS[kind] + _limits(metadata)
    return ""


def _limits(metadata: Sequence[Any]) -> str:
    """Put a field's bounds in words."""
    bounds = {
        name: bound
        for one in metadata
        for name in ("min_length", "max_length", "ge", "gt", "le", "lt")
        if (bound := getattr(one, name, None)) is not None
    }
    if "ge" in bounds and "le" in bounds:
        return f", {bounds['ge']} to {bounds['le']}"
    words = {
        "min_length": "at least {} long",
        "max_length": "at most {} long",
        "ge": "at least {}",
        "gt": "above {}",
        "le": "at most {}",
        "lt": "below {}",
    }
    return "".join(f", {words[name].format(bound)}" for name, bound in bounds.items())


def _kind_at(data: object, loc: Loc) -> str:
    """Name the kind of value that stands at a place, never the value."""
    here = data
    for part in loc:
        if _has(here, part):
            here = here[part]  # type: ignore[index]  # said by _has
    return _KINDS.get(type(here), "a date or time")
