"""Google Analytics 4: Measurement Protocol, its validation server, and the web protocol ``/g/collect``.

Google answers 2xx to whatever it is sent; what it would have thrown away is told in the record's ``errors``.
Source: Google, Measurement Protocol (GA4); the web protocol is undocumented, as observed from gtag.js.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from proxy.twin.reply import Reply, json_reply, method_not_allowed
from proxy.twin.request import TwinRequest
from proxy.twin.rules import web_hit
from proxy.twin.rules.measurement_protocol import Finding, validate, validate_query
from proxy.twin.vendor import World

_NAME = "google_analytics"
_MP_HOSTS = frozenset({"www.google-analytics.com", "region1.google-analytics.com"})
_WEB_HOSTS = _MP_HOSTS | {
    "analytics.google.com",
    "region1.analytics.google.com",
    "stats.g.doubleclick.net",
    "www.google.com",
}
_MP_PATHS = frozenset({"/mp/collect", "/debug/mp/collect"})


class GoogleAnalytics:
    """The GA4 collection servers. ``tokens`` in the settings are api secrets, ``ids`` measurement ids."""

    names = frozenset({_NAME})
    options: Mapping[str, type] = {}

    def __init__(self, world: World) -> None:
        self._world = world

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims ``/mp/collect``, ``/debug/mp/collect`` and ``/g/collect``."""
        if request.path in _MP_PATHS:
            return _NAME if request.host in _MP_HOSTS else None
        return _NAME if request.path == "/g/collect" and request.host in _WEB_HOSTS else None

    def answer(self, request: TwinRequest) -> Reply:
        """Answers 204; only a wrong HTTP method is refused."""
        if request.path == "/g/collect":
            return (
                self._web(request) if request.method in {"GET", "POST"} else method_not_allowed("GET, POST")
            )
        if request.method != "POST":
            return method_not_allowed("POST")
        return self._measurement_protocol(request)

    def failure(self, status: int) -> Reply:
        """Google Analytics sends no error bodies."""
        return Reply(status, errors=(f"status {status}",))

    def _measurement_protocol(self, request: TwinRequest) -> Reply:
        params, body = request.params, request.json
        debug = request.path.startswith("/debug/")
        findings: list[Finding] = []
        if self._world.strict or debug:
            findings = [*validate_query(params), *validate(body, self._world.clock())]
        if debug:
            messages = [
                {"fieldPath": item.field, "description": item.description, "validationCode": item.code}
                for item in findings
            ]
            return json_reply(200, {"validationMessages": messages}, errors=_words(findings))
        words = _words(findings)
        events = _events_of(body)
        if not self._knows(params.get("measurement_id", ""), params.get("api_secret", "")):
            words.append("credentials")
            accepted: list[Hashable] = []
        else:
            lost = {item.event for item in findings if item.loses}
            accepted = [
                _purchase_key(event.get("name"), params.get("measurement_id"), event.get("params"))
                for index, event in enumerate(events)
                if isinstance(event, dict) and None not in lost and index not in lost
            ]
        return Reply(204, events=len(events), accepted=accepted, errors=tuple(words))

    def _web(self, request: TwinRequest) -> Reply:
        batch = request.batch
        words: list[str] = []
        accepted: list[Hashable] = []
        if self._world.strict:
            words += web_hit.foreign_headers([name for name, _ in request.headers])
        for hit in batch:
            missing = web_hit.missing(hit)
            words.extend(f"VALUE_REQUIRED {key}" for key in missing)
            if self._world.strict:
                words.extend(web_hit.findings(hit))
            if not missing and self._world.knows_id(_NAME, hit["tid"]):
                order = {"transaction_id": hit.get("ep.transaction_id")}
                accepted.append(_purchase_key(hit["en"], hit["tid"], order))
        return Reply(204, events=len(batch), accepted=accepted, errors=tuple(dict.fromkeys(words)))

    def _knows(self, measurement_id: str, api_secret: str) -> bool:
        return self._world.knows_id(_NAME, measurement_id) and self._world.knows_token(_NAME, api_secret)


def _events_of(body: Any) -> list[Any]:
    events = body.get("events") if isinstance(body, dict) else None
    return events if isinstance(events, list) else []


def _words(findings: list[Finding]) -> list[str]:
    return list(dict.fromkeys(f"{item.code} {item.field}".strip() for item in findings))


def _purchase_key(name: Any, tid: Any, params: Any) -> Hashable:
    """Only purchases are deduplicated, by transaction id (Google: minimise duplicate key events)."""
    if name != "purchase" or not isinstance(params, dict):
        return None
    order = params.get("transaction_id")
    return (tid, order) if isinstance(order, str) else None


def create(world: World) -> GoogleAnalytics:
    """Make the service for one twin."""
    return GoogleAnalytics(world)
