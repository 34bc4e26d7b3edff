"""What a faked vendor answers, and what it made of the events."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON_TYPE = "application/json"

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""A transparent 1x1 image."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A vendor's answer.

    Attributes:
        status: HTTP status; 0 = never answered.
        body: Bytes of the answer.
        content_type: Its media type; empty for no body.
        headers: Further headers.
        events: How many events the request carried.
        accepted: One entry per event that the vendor took: its dedupe key there, or None if it has none. Events
            that a vendor throws away behind a 2xx (Google Analytics) are not in it.
        errors: Short words on everything that was wrong: a vendor code and a field, never a value.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: int = 0
    accepted: Sequence[Hashable] = field(default=(), repr=False)
    errors: tuple[str, ...] = ()


def json_reply(
    status: int,
    body: Any,
    *,
    events: int = 0,
    accepted: Sequence[Hashable] = (),
    errors: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Build a JSON answer."""
    return Reply(
        status, orjson.dumps(body), JSON_TYPE, headers or {}, events, accepted, tuple(dict.fromkeys(errors))
    )


def method_not_allowed(allowed: str) -> Reply:
    """Return the answer to a method that the address does not have."""
    return Reply(405, headers={"Allow": allowed}, errors=("method",))
