"""The configuration's JSON Schema, for editors: made of the models, and of the forwarders that are there."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from proxy.forwarder_modules import forwarder_class, shipped
from proxy.settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def settings_schema() -> dict[str, Any]:
    """Return the schema of a configuration file."""
    classes = {name: forwarder_class(name) for name in shipped()}
    models: list[type[BaseModel]] = [Settings, *classes.values()]
    refs, schema = models_json_schema([(model, "validation") for model in models])
    definitions: dict[str, Any] = _plain(schema)["$defs"]
    for name, kind in classes.items():
        ref = refs[(kind, "validation")]["$ref"]
        properties = definitions[ref.rsplit("/", 1)[1]]["properties"]
        properties["type"] = {
            "type": "string",
            "description": f"The forwarder's module; absent or {name} here.",
        }
    site = definitions["SiteSettings"]["properties"]
    site["forwarders"] = _forwarders(
        {name: refs[(kind, "validation")]["$ref"] for name, kind in classes.items()}
    )
    root = definitions.pop("Settings")
    return {
        "$schema": _DIALECT,
        **root,
        "title": "Sayso's configuration",
        "$defs": _reachable(root, definitions),
    }


def schema_text() -> str:
    """Return the schema as the file that is shipped."""
    return json.dumps(settings_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _forwarders(refs: dict[str, str]) -> dict[str, Any]:
    """Describe ``[sites.NAME.forwarders]``: a shipped name is its module, any other one states its ``type``."""
    chosen = [
        {"if": {"properties": {"type": {"const": name}}}, "then": {"$ref": ref}} for name, ref in refs.items()
    ]
    return {
        "type": "object",
        "description": "The vendors' accounts that the site's events go to.",
        "properties": {name: {"$ref": ref} for name, ref in refs.items()},
        "additionalProperties": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "description": "The forwarder's module, or a dotted path."}
            },
            "required": ["type"],
            "allOf": chosen,
        },
    }


def _reachable(root: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that something refers to."""
    kept: dict[str, Any] = {}
    waiting: list[Any] = [root]
    while waiting:
        text = json.dumps(waiting.pop())
        for name in definitions.keys() - kept.keys():
            if f'"#/$defs/{name}"' in text:
                kept[name] = definitions[name]
                waiting.append(definitions[name])
    return kept


def _plain(node: Any) -> Any:  # JSON of any shape
    """Drop what TOML cannot say (null) and what tells an editor nothing (titles, tables' defaults)."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept: dict[str, Any] = {}
    for key, below in node.items():
        if key in {"properties", "$defs", "patternProperties"}:  # keys of the file stand here, of any name
            kept[key] = {name: _plain(one) for name, one in below.items()}
        elif key != "title" and not (key == "default" and (below is None or isinstance(below, dict))):
            kept[key] = _plain(below)
    alternatives = kept.get("anyOf", [])
    if {"type": "null"} in alternatives:
        del kept["anyOf"]
        rest = [one for one in alternatives if one != {"type": "null"}]
        kept = {**rest[0], **kept} if len(rest) == 1 else {**kept, "anyOf": rest}
    return kept
