"""Google's Data Manager API: conversions of Google Ads, and whatever else is sent through it.

A request belongs to the vendor word of its first destination's account type. Source: Google, Data Manager API:
events.ingest, requestStatus.retrieve, understand errors, diagnostics.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from proxy.twin.reply import Reply, json_reply, method_not_allowed
from proxy.twin.request import TwinRequest
from proxy.twin.rules.data_manager import validate_snake
from proxy.twin.rules.data_manager_status import RequestStatus, process
from proxy.twin.rules.proto_json import Violation, snake_keys
from proxy.twin.vendor import World

_HOST = "datamanager.googleapis.com"
_INGEST = "/v1/events:ingest"
_STATUS = "/v1/requestStatus:retrieve"
_SCOPE = "https://www.googleapis.com/auth/datamanager"
_TYPE = "type.googleapis.com/google.rpc."
_GOOGLE_ADS = "google_ads"
_VENDORS = {"GOOGLE_ANALYTICS_PROPERTY": "google_analytics", "FLOODLIGHT_CONFIG": "campaign_manager"}
_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MAX_STATUSES = 10_000


class GoogleDataManager:
    """Takes event batches with a token of this twin's OAuth server, and reports later how they ended.

    Of a vendor's settings, ``ids`` are the operating accounts that may be used (else 403). Options of
    ``google_ads``: ``processing_polls``, how many status calls answer ``PROCESSING`` first (1);
    ``late_refusals``, so many events of each request end refused for this reason, ``{reason: count}``.
    """

    names = frozenset({_GOOGLE_ADS, *_VENDORS.values()})
    options: Mapping[str, type] = {"processing_polls": int, "late_refusals": dict}

    def __init__(self, world: World) -> None:
        self._world = world
        self._statuses: dict[str, tuple[str, RequestStatus]] = {}

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims the two methods, under the vendor of the first destination's account type."""
        if request.host != _HOST:
            return None
        if request.path == _STATUS:
            known = self._statuses.get(request.params.get("requestId", ""))
            return known[0] if known else _GOOGLE_ADS
        if request.path != _INGEST:
            return None
        return _VENDORS.get(_account_type(request.json), _GOOGLE_ADS)

    def answer(self, request: TwinRequest) -> Reply:
        """Answers an ingestion or a status call."""
        wanted = "POST" if request.path == _INGEST else "GET"
        if request.method != wanted:
            return method_not_allowed(wanted)
        grant = self._world.grants.get(request.bearer)
        if grant is None or grant.expires_at <= self._world.clock():
            return _error(401, "Request had invalid authentication credentials.")
        if _SCOPE not in grant.scopes:
            return _error(
                403, "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
            )
        return self._ingest(request) if request.path == _INGEST else self._status(request)

    def failure(self, status: int) -> Reply:
        """Google's error envelope."""
        return _error(status, "Asked for by a fault.")

    def _ingest(self, request: TwinRequest) -> Reply:
        if not self._world.strict:
            return _counted(request.json)
        data = snake_keys(request.json)
        events = data.get("events") if isinstance(data, dict) else None
        count = len(events) if isinstance(events, list) else 0
        found = validate_snake(data, self._world.clock())
        if found:
            return _invalid(found, count)
        vendor = self.vendor_of(request) or _GOOGLE_ADS
        if not self._allowed(vendor, data):
            return _error(
                403, "The caller does not have permission.", "OPERATING_ACCOUNT_ACCESS_DENIED", count
            )
        request_id = secrets.token_urlsafe(12)
        if data.get("validate_only"):
            return json_reply(200, {"requestId": request_id}, events=count)
        self._remember(request_id, vendor, request.json["destinations"], data)
        return json_reply(200, {"requestId": request_id}, events=count, accepted=_keys(data))

    def _allowed(self, vendor: str, data: Mapping[str, Any]) -> bool:
        if self._world.of(vendor).ids is None:
            return True
        accounts = [item.get("operating_account", {}).get("account_id", "") for item in data["destinations"]]
        return all(self._world.knows_id(vendor, account) for account in accounts)

    def _remember(self, request_id: str, vendor: str, sent: list[Any], data: Mapping[str, Any]) -> None:
        options = self._world.of(vendor).options
        refusals: Counter[str] = Counter(options.get("late_refusals", {}))
        status = process(sent, data, options.get("processing_polls", 1), refusals, self._world.clock())
        self._statuses[request_id] = (vendor, status)
        if len(self._statuses) > MAX_STATUSES:
            del self._statuses[next(iter(self._statuses))]

    def _status(self, request: TwinRequest) -> Reply:
        request_id = request.params.get("requestId") or request.params.get("request_id")
        if not request_id:
            return _invalid(
                [Violation("request_id", "A required field is missing.", "REQUIRED_FIELD_MISSING")], 0
            )
        known = self._statuses.get(request_id)
        if known is None:
            return _error(404, "Requested entity was not found.")
        return json_reply(200, known[1].poll())


def _account_type(body: Any) -> str:
    """Return the account type of the first destination, in either spelling of the keys."""
    destinations = body.get("destinations") if isinstance(body, dict) else None
    first = destinations[0] if isinstance(destinations, list) and destinations else None
    data = snake_keys(first)
    account = data.get("operating_account") if isinstance(data, dict) else None
    kind = account.get("account_type") if isinstance(account, dict) else None
    return kind if isinstance(kind, str) else ""


def _keys(data: Mapping[str, Any]) -> list[Hashable]:
    """Return a key per event: conversion action and transaction id, by which Google knows a conversion."""
    actions = {item.get("reference"): item["product_destination_id"] for item in data["destinations"]}
    first = data["destinations"][0]["product_destination_id"]
    keys: list[Hashable] = []
    for event in data["events"]:
        references = event.get("destination_references")
        order = event.get("transaction_id")
        keys.append((actions[references[0]] if references else first, order) if order else None)
    return keys


def _counted(body: Any) -> Reply:
    """Answer without strictness: transaction ids are read where Sayso writes them, nothing is checked."""
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list) or not events:
        return _error(400, "No events.", "INVALID_FORMAT")
    first = (body.get("destinations") or [{}])[0].get("productDestinationId")
    orders = [event.get("transactionId") for event in events]
    keys: list[Hashable] = [(first, order) if order else None for order in orders]
    answer = {"requestId": secrets.token_urlsafe(12)}
    return json_reply(200, answer, events=len(events), accepted=keys)


def _invalid(found: list[Violation], events: int) -> Reply:
    request_id = "t-" + secrets.token_urlsafe(8)
    violations = [
        {"field": item.field, "description": item.description, "reason": item.reason} for item in found
    ]
    body = {
        "error": {
            "code": 400,
            "message": "There was a problem with the request.",
            "status": "INVALID_ARGUMENT",
            "details": [
                _error_info("INVALID_ARGUMENT", request_id),
                {"@type": _TYPE + "BadRequest", "fieldViolations": violations},
                {"@type": _TYPE + "RequestInfo", "requestId": request_id},
            ],
        }
    }
    return json_reply(400, body, events=events, errors=[f"{item.reason} {item.field}" for item in found])


def _error(status: int, message: str, reason: str = "", events: int = 0) -> Reply:
    word = _WORDS.get(status, "UNKNOWN")
    error = {
        "code": status,
        "message": message,
        "status": word,
        "details": [_error_info(reason or word, "t-" + secrets.token_urlsafe(8))],
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return json_reply(status, {"error": error}, events=events, errors=[word], headers=headers)


def _error_info(reason: str, request_id: str) -> dict[str, Any]:
    return {
        "@type": _TYPE + "ErrorInfo",
        "reason": reason,
        "domain": _HOST,
        "metadata": {"requestId": request_id},
    }


def create(world: World) -> GoogleDataManager:
    """Make the service for one twin."""
    return GoogleDataManager(world)
