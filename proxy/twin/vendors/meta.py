"""Meta's Conversions API on the Graph API.

Source: Meta, Conversions API: using the API; Graph API: changelog, error handling, rate limiting.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Hashable, Mapping
from typing import Any

import orjson

from proxy.twin.reply import Reply, json_reply
from proxy.twin.request import TwinRequest
from proxy.twin.rules.meta import MetaError, validate
from proxy.twin.vendor import World

_NAME = "meta"
_PATH = re.compile(r"/(v[0-9]+\.[0-9]+)/([^/]+)/events")
VERSIONS = frozenset(f"v{number}.0" for number in range(21, 27))
"""Versions that Meta still serves in late 2026."""


class Meta:
    """Takes server events for any dataset. ``tokens`` in the settings are access tokens, ``ids`` datasets."""

    names = frozenset({_NAME})
    options: Mapping[str, type] = {}

    def __init__(self, world: World) -> None:
        self._world = world

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims ``/vNN.N/<dataset>/events``."""
        if request.host == "graph.facebook.com" and _PATH.fullmatch(request.path):
            return _NAME
        return None

    def answer(self, request: TwinRequest) -> Reply:
        """Answers a batch: version first, then token, dataset, events; the first error is the one told."""
        match = _PATH.fullmatch(request.path)
        version, dataset = match.groups() if match else ("", "")
        body = _body(request)
        data = body.get("data")
        count = len(data) if isinstance(data, list) else 0
        refusal = self._refuse(request, body, version, dataset)
        if refusal is not None:
            return _error(refusal, events=count)
        if self._world.strict:
            errors = validate(data, self._world.clock())
            if errors:
                words = [f"{item.subcode or item.code} {item.param}" for item in errors]
                return _error(_of(errors[0]), events=count, words=words)
        if count == 0:
            return _error({"message": "(#100) The parameter data is required", "code": 100})
        answer = {"events_received": count, "messages": [], "fbtrace_id": _trace()}
        return json_reply(200, answer, events=count, accepted=_keys(dataset, data or []))

    def failure(self, status: int) -> Reply:
        """Return the errors that Meta gives with this status."""
        if status == 429:
            error = {"message": "There have been too many calls.", "code": 80004, "error_subcode": 2446079}
            usage = {"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": 1}
            header = {"x-business-use-case-usage": orjson.dumps({"0": [usage]}).decode()}
            return _error(error | {"is_transient": True}, 429, headers=header)
        if status in {401, 403}:
            code = 190 if status == 401 else 10
            return _error({"message": "Error validating access token", "code": code}, status)
        if status < 500:
            return _error({"message": "Invalid parameter", "code": 100}, status)
        return _error({"message": "Service temporarily unavailable", "code": 2, "is_transient": True}, status)

    def _refuse(
        self, request: TwinRequest, body: Mapping[str, Any], version: str, dataset: str
    ) -> dict[str, Any] | None:
        if version not in VERSIONS:
            text = "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version."
            return {"message": text, "code": 2635}
        token = body.get("access_token") or request.bearer or request.params.get("access_token", "")
        if not isinstance(token, str) or not self._world.knows_token(_NAME, token):
            return _token_error(str(token))
        if request.method != "POST" or not dataset.isdecimal() or not self._world.knows_id(_NAME, dataset):
            text = "Unsupported request. The object does not exist or does not support this operation."
            return {"message": text, "type": "GraphMethodException", "code": 100, "error_subcode": 33}
        return None


def _token_error(token: str) -> dict[str, Any]:
    if "expired" in token:
        return {
            "message": "Error validating access token: Session has expired",
            "code": 190,
            "error_subcode": 463,
        }
    if "revoked" in token:
        return {"message": "Error validating access token: invalidated", "code": 190, "error_subcode": 467}
    return {"message": "Invalid OAuth access token - Cannot parse access token", "code": 190}


def _body(request: TwinRequest) -> dict[str, Any]:
    """Return the parameters, from JSON or from a form whose ``data`` is JSON in a string (as the vendor's SDKs send it)."""
    form = dict(request.form)
    if not form:
        return request.json if isinstance(request.json, dict) else {}
    try:
        data = orjson.loads(form.get("data", "null"))
    except orjson.JSONDecodeError:
        data = None
    return {**form, "data": data}


def _keys(dataset: str, events: list[Any]) -> list[Hashable]:
    """Dataset, name and ``event_id``; within 48 h the first wins (Meta: deduplicate pixel and server events)."""
    return [
        (dataset, str(event.get("event_name")), event["event_id"])
        if isinstance(event, dict) and isinstance(event.get("event_id"), str)
        else None
        for event in events
    ]


def _of(error: MetaError) -> dict[str, Any]:
    body: dict[str, Any] = {"message": error.message, "code": error.code}
    if error.subcode is not None:
        body["error_subcode"] = error.subcode
    if error.detail:
        body["error_user_title"] = "Invalid Server Event Parameter"
        body["error_user_msg"] = error.detail
    return body


def _error(
    error: Mapping[str, Any],
    status: int = 400,
    *,
    events: int = 0,
    words: list[str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Meta's error envelope; a token whose session ended answers 401, other refusals 400."""
    if status == 400 and error["code"] == 190 and "error_subcode" in error:
        status = 401
    body = {"type": "OAuthException", "is_transient": False, **error, "fbtrace_id": _trace()}
    word = f"{error.get('error_subcode', error['code'])}"
    return json_reply(status, {"error": body}, events=events, errors=words or [word], headers=headers)


def _trace() -> str:
    return "A" + secrets.token_urlsafe(16)


def create(world: World) -> Meta:
    """Make the service for one twin."""
    return Meta(world)
