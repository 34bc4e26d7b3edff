"""What the four vendors' requests say and what they answer, from the vendors' documents as far as the campaign needs them. Pure.

Each event of a request becomes a ``Shown``: by what it can be traced, and what the vendor would dedupe it by.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.words import Vendor


@dataclass(frozen=True, slots=True)
class Shown:
    """One event in a request. ``full`` says in which mode; ``dedupe`` is the vendor's key, and what must be the same in each copy."""

    key: str
    full: bool
    dedupe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the vendor reads it. Without a vendor it goes to none of them; without events it carries none."""

    vendor: Vendor | None
    events: tuple[Shown, ...] = ()
    token: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class StrangeRequestError(Exception):
    """A request that no vendor would understand."""


def read(host: str, path: str, query: Mapping[str, str], body: bytes) -> Asked:
    """Read a request.

    Raises:
        StrangeRequestError: it goes to an unknown place, or its events cannot be read.
    """
    place = _PLACES.get((host, path)) or _PLACES.get((host, ""))
    if place is None:
        raise StrangeRequestError(f"{host}{path}: no vendor has such an address")
    try:
        return place(query, body)
    except (ValueError, KeyError, TypeError) as error:
        raise StrangeRequestError(f"{host}{path}: {type(error).__name__} {error}") from None


def _ga_ping(query: Mapping[str, str]) -> Shown:
    key = query["ep.transaction_id"]
    return Shown(key, full=False, dedupe=(key, query["cid"], query["en"]))


def _ads_ping(query: Mapping[str, str]) -> Shown:
    return Shown(query["oid"], full=False, dedupe=(query["oid"], query["random"]))


def _measured(body: Any) -> Iterator[Shown]:
    for one in body["events"]:
        key = one["params"]["transaction_id"]
        yield Shown(key, full=True, dedupe=(key, one["name"], str(one["timestamp_micros"])))


def _ingested(body: Any) -> Iterator[Shown]:
    for one in body["events"]:
        yield Shown(one["transactionId"], full=True, dedupe=(one["transactionId"], one["eventTimestamp"]))


def _meta(body: Any) -> Iterator[Shown]:
    for one in body["data"]:
        yield Shown(
            one["custom_data"]["order_id"], full=True, dedupe=(one["event_id"], str(one["event_time"]))
        )


def _microsoft(body: Any) -> Iterator[Shown]:
    for one in body["data"]:  # a page load has no transaction; our own clients' ids tell which it is
        key = one.get("customData", {}).get("transactionId") or one["eventId"].removeprefix("e-")
        yield Shown(key, full=one["adStorageConsent"] == "G", dedupe=(one["eventId"], str(one["eventTime"])))


_PLACES: dict[tuple[str, str], Callable[[Mapping[str, str], bytes], Asked]] = {
    ("www.google-analytics.com", "/mp/collect"): lambda _query, body: Asked(
        Vendor.GA, tuple(_measured(json.loads(body)))
    ),
    ("www.google-analytics.com", "/g/collect"): lambda query, _body: Asked(Vendor.GA, (_ga_ping(query),)),
    ("oauth2.googleapis.com", "/token"): lambda _query, _body: Asked(Vendor.ADS, token=True),
    ("datamanager.googleapis.com", "/v1/events:ingest"): lambda _query, body: Asked(
        Vendor.ADS, tuple(_ingested(json.loads(body)))
    ),
    ("datamanager.googleapis.com", "/v1/requestStatus:retrieve"): lambda _query, _body: Asked(Vendor.ADS),
    ("pagead2.googlesyndication.com", ""): lambda query, _body: Asked(Vendor.ADS, (_ads_ping(query),)),
    ("graph.facebook.com", ""): lambda _query, body: Asked(Vendor.META, tuple(_meta(json.loads(body)))),
    ("capi.uet.microsoft.com", ""): lambda _query, body: Asked(
        Vendor.MICROSOFT, tuple(_microsoft(json.loads(body)))
    ),
}
"""Where vendors listen: host and path ("": any), and how what comes there is read."""


# --- answers --------------------------------------------------------------------------------------------------------


def accepted(asked: Asked, number: int) -> Answer:
    """Answer that everything was taken. ``number`` is unique per request."""
    many = len(asked.events)
    match asked.vendor:
        case Vendor.GA:
            return Answer(204)
        case Vendor.ADS if asked.events and not asked.events[0].full:
            return Answer(200, b"GIF89a", {"Content-Type": "image/gif"})
        case Vendor.ADS:
            return _json(200, _google(asked, number))
        case Vendor.META:
            return _json(200, {"events_received": many, "messages": [], "fbtrace_id": "A"})
        case _:
            return _json(200, {"eventsReceived": many})


def _google(asked: Asked, number: int) -> dict[str, Any]:
    if asked.token:
        return {"access_token": f"token-{number}", "expires_in": 3600, "token_type": "Bearer"}
    if asked.events:
        return {"requestId": f"request-{number}"}
    return {"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]}


def refused(asked: Asked, bad: Sequence[int]) -> tuple[Answer, bool]:
    """Answer that the events at these places cannot be taken, in the vendor's way.

    Returns:
        the answer, and whether the others were taken.
    """
    match asked.vendor:
        case Vendor.ADS if asked.events[0].full:
            return _json(400, {"error": _violations(bad)}), False
        case Vendor.META:  # which one it was is not said
            words = {"message": "Invalid parameter", "type": "OAuthException", "code": 100}
            return _json(400, {"error": words}), False
        case Vendor.MICROSOFT:
            taken = len(asked.events) - len(bad)
            details = [{"index": at, "errorMessage": "x", "errorCode": "Invalid"} for at in bad]
            error = {"code": "ValidationError", "message": "x", "details": details}
            return _json(200 if taken else 400, {"eventsReceived": taken, "error": error}), taken > 0
        case _:
            return Answer(400), False


def _violations(bad: Sequence[int]) -> dict[str, Any]:
    fields = [
        {"field": f"events.events[{at}].event_timestamp", "description": "x", "reason": "INVALID_FORMAT"}
        for at in bad
    ]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]
    return {"code": 400, "status": "INVALID_ARGUMENT", "message": "x", "details": details}


def unauthorised(asked: Asked) -> Answer:
    """Answer that the credential is not good, in the vendor's way."""
    if asked.token:
        return _json(401, {"error": "invalid_client"})
    if asked.vendor is Vendor.META:
        return _json(400, {"error": {"message": "Invalid token", "type": "OAuthException", "code": 190}})
    return _json(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})


def _json(status: int, body: object) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
