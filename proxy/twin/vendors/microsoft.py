"""Microsoft Advertising's UET Conversions API.

Source: Microsoft, UET Conversions API integration guide.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from proxy.twin.reply import Reply, json_reply, method_not_allowed
from proxy.twin.request import TwinRequest
from proxy.twin.rules.microsoft import Detail, validate
from proxy.twin.vendor import World

_NAME = "microsoft"
_PATH = re.compile(r"/v1/([^/]+)/events")
_CODES = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}


class Microsoft:
    """Takes events for any tag. ``tokens`` in the settings are API tokens, ``ids`` tags."""

    names = frozenset({_NAME})
    options: Mapping[str, type] = {}

    def __init__(self, world: World) -> None:
        self._world = world

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims ``/v1/<tag>/events``."""
        if request.host == "capi.uet.microsoft.com" and _PATH.fullmatch(request.path):
            return _NAME
        return None

    def answer(self, request: TwinRequest) -> Reply:
        """Answers a batch; with ``continueOnValidationError`` the valid events are kept."""
        if request.method != "POST":
            return method_not_allowed("POST")
        match = _PATH.fullmatch(request.path)
        tag = match[1] if match else ""
        body: Any = request.json
        data = body.get("data") if isinstance(body, dict) else None
        events: list[Any] = data if isinstance(data, list) else []
        if not self._world.knows_token(_NAME, request.bearer) or not self._world.knows_id(_NAME, tag):
            return _error(401, "Unauthorized", "The token is not valid for this tag.", events=len(events))
        details = validate(body, self._world.clock()) if self._world.strict or not events else []
        return _judge(tag, body, events, details)

    def failure(self, status: int) -> Reply:
        """Microsoft's error envelope."""
        code = _CODES.get(status, "ValidationError" if status < 500 else "InternalServerError")
        return _error(status, code, "Asked for by a fault.")


def _judge(tag: str, body: Any, events: list[Any], details: list[Detail]) -> Reply:
    bad = {item.index for item in details if not item.warning}
    goes_on = isinstance(body, dict) and body.get("continueOnValidationError") is True
    if None in bad or (bad and not goes_on):
        text = "One or more events are not valid."
        return _error(400, "ValidationError", text, events=len(events), details=details)
    kept = [event for index, event in enumerate(events) if index not in bad]
    answer: dict[str, Any] = {"eventsReceived": len(kept), "traceId": secrets.token_hex(16)}
    if details:
        answer["error"] = {
            "code": "ValidationError",
            "message": "Some events or fields were left out.",
            "details": [_view(item) for item in details],
        }
    return json_reply(
        200,
        answer,
        events=len(events),
        accepted=[_key(tag, event) for event in kept],
        errors=_words(details),
        headers={"x-ms-request-id": secrets.token_hex(16)},
    )


def _key(tag: str, event: Any) -> Hashable:
    """Tag, name and ``eventId`` (Microsoft: deduplication with the UET tag)."""
    if isinstance(event, dict) and isinstance(event.get("eventId"), str):
        return (tag, str(event.get("eventName")), event["eventId"])
    return None


def _view(item: Detail) -> dict[str, Any]:
    view: dict[str, Any] = {
        "propertyName": item.property_name,
        "errorMessage": item.message,
        "attemptedValue": item.attempted,
        "errorCode": item.code,
        "isWarning": item.warning,
    }
    return view if item.index is None else {"index": item.index, **view}


def _words(details: Sequence[Detail]) -> list[str]:
    return [f"{item.code} {item.property_name}" for item in details]


def _error(status: int, code: str, message: str, *, events: int = 0, details: Sequence[Detail] = ()) -> Reply:
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        error["details"] = [_view(item) for item in details]
    return json_reply(status, {"error": error}, events=events, errors=_words(details) or [code])


def create(world: World) -> Microsoft:
    """Make the service for one twin."""
    return Microsoft(world)
