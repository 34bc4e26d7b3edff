"""Vendors quote: a refusal may repeat what was refused. What of an event stands in a vendor's words is struck out. Pure."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

from proxy.entry import Entry
from proxy.scrub import scrub_text

HARMLESS: Final = frozenset({"name", "value", "currency", "signals", "explicit"})
"""Fields of an event whose values name nobody."""
_SHORTEST: Final = 4
"""Characters of an event's value from which it is struck out."""


def struck(words: str, entry: Entry | None) -> str:
    """Strike out of a vendor's words what they quote of an entry, and whatever else looks personal."""
    if entry is not None:
        values = {entry.visitor} if entry.visitor is not None else set()
        for one in fields(entry.event):
            if one.name not in HARMLESS:
                values.update(_texts(getattr(entry.event, one.name)))
        for value in sorted((one for one in values if len(one) >= _SHORTEST), key=len, reverse=True):
            words = words.replace(value, "[struck out]")
    return scrub_text(words)


def _texts(value: Any) -> Iterator[str]:  # a field of an event: text, number, or a nest of them
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)
