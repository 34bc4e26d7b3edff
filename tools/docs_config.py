"""The tables of the configuration's keys, made from its models and from its JSON Schema."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel

from forwarders.base import Forwarder
from proxy.secret import Secret
from proxy.settings_schema import settings_schema


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = settings_schema()["$defs"]
    return schema


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Read the texts below a model's fields from its source, for models that do not hand them to pydantic."""
    found: dict[str, str] = {}
    [body] = [
        one.body
        for one in ast.parse(textwrap.dedent(inspect.getsource(model))).body
        if isinstance(one, ast.ClassDef)
    ]
    for before, after in pairwise(body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
            case _:
                continue
    return found


def _holds_secret(annotation: Any) -> bool:
    return annotation is Secret or any(map(_holds_secret, get_args(annotation)))


def _allowed(key: dict[str, Any], annotation: Any) -> str:
    many = key.get("type") == "array"
    if _holds_secret(annotation):
        return "list of secrets" if many else "secret"
    if "enum" in key:
        return ", ".join(f"`{json.dumps(word)}`" for word in key["enum"])
    kinds = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "array": "list",
        "object": "table",
        "string": "text",
    }
    text = kinds[key.get("type", "string")]
    if "minimum" in key and "maximum" in key:
        text += f", {key['minimum']} to {key['maximum']}"
    elif "minimum" in key:
        text += f", at least {key['minimum']}"
    if "maxItems" in key:
        text += f", at most {key['maxItems']}"
    return text


def settings(model: type[BaseModel], without: tuple[str, ...] = ()) -> str:
    """Show every key of one table of the configuration, in the order of its model."""
    definition = _schema()[model.__name__]
    written = _docstrings(model)
    rows = []
    for name, field in model.model_fields.items():
        if name in without:
            continue
        key = definition["properties"][name]
        default = f"`{json.dumps(key['default'], ensure_ascii=False)}`" if "default" in key else "absent"
        if name in definition.get("required", ()):
            default = "**required**"
        words = _plain(field.description or written[name])
        rows.append([f"`{name}`", _allowed(key, field.annotation), default, words])
    return table(["key", "allowed", "default", "what it is"], rows)


def stanza_keys() -> str:
    """Show the keys that every forwarder's stanza takes."""
    keys = [
        [
            "`type`",
            "text",
            "the stanza's name",
            "The forwarder's module: one of those below, or the dotted path of your own.",
        ],
    ]
    for name, allowed in (("otherwise", '`"cookieless"`, `"drop"`'), ("events", "list")):
        words = _plain(Forwarder.model_fields[name].description or _docstrings(Forwarder)[name])
        keys.append([f"`{name}`", allowed, "the preset's", words])
    return table(["key", "allowed", "default", "what it is"], keys)
