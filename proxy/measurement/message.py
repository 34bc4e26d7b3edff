"""A whole Measurement Protocol request, and the events in it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proxy.event import Event, UserData
from proxy.measurement.events import read_event, read_time
from proxy.measurement.findings import CODE_OF, Code, Finding, Findings
from proxy.measurement.shared import Shared, read_shared
from proxy.parse import InvalidInputError, parse_event
from proxy.reasons import Invalid

MAX_EVENTS = 25
_BEHAVIOURS = ("RELAXED", "ENFORCE_RECOMMENDATIONS")


@dataclass(slots=True, repr=False)
class Message:
    """One request, read. ``events`` are those that can be taken, ``findings`` everything that is wrong."""

    shared: Shared
    events: list[Event]
    findings: Findings

    @property
    def refused(self) -> Finding | None:
        """What costs the whole request."""
        return self.findings.refused(None)

    @property
    def invalid(self) -> list[Finding]:
        """What costs events: for each that cannot be taken the first thing that is wrong with it."""
        first: dict[int, Finding] = {}
        for finding in self.findings.found:
            if finding.index is not None and finding.reason is not None:
                first.setdefault(finding.index, finding)
        return [first[index] for index in sorted(first)]


def read_message(
    body: object,
    *,
    measurement_id: str | None,
    streams: Sequence[str],
    now_ms: int,
    mint_id: Callable[[], str],
) -> Message:
    """Read a request. Never fails: what cannot be taken is among the findings.

    Args:
        body: the JSON value.
        measurement_id: from the query.
        streams: the measurement ids of the site's Google Analytics forwarders.
        now_ms: the time of receipt, Unix ms.
        mint_id: makes the id of an event that names none.
    """
    found = Findings()
    stream = _stream(measurement_id, streams, found)
    if type(body) is not dict:
        found.refuse("", "the body is an object with events")
        return Message(Shared(), [], found)
    behaviour = body.get("validation_behavior")
    if behaviour is not None and behaviour not in _BEHAVIOURS:
        found.refuse("validation_behavior", " or ".join(_BEHAVIOURS))
    found.strict = behaviour == _BEHAVIOURS[1]
    shared = read_shared(body, found)
    stated_ms = read_time(body.get("timestamp_micros"), now_ms, found)
    if _try(found, {"name": "x", **shared.raw}, now_ms) is None:
        shared.raw.clear()  # it is said once, and not again with every event
    message = Message(shared, [], found)
    for index, raw in enumerate(_raw_events(body, found)):
        found.index = index
        read = read_event(raw, shared.raw, stated_ms, now_ms, found)
        event = _try(found, read, now_ms, mint_id()) if found.refused(index) is None else None
        if event is not None:
            event.stream = stream
            _say_who(event, shared)
            message.events.append(event)
    if message.refused is not None:
        message.events.clear()
    return message


def _stream(measurement_id: str | None, streams: Sequence[str], found: Findings) -> str | None:
    listed = (
        f"this site has {', '.join(streams)}" if streams else "this site has no Google Analytics forwarder"
    )
    if not measurement_id:
        if len(streams) > 1:
            found.refuse("measurement_id", f"required in the query, as {listed}", Invalid.MISSING)
        return None
    if measurement_id not in streams:
        found.refuse("measurement_id", listed, Invalid.STREAM)
    return measurement_id


def _raw_events(body: dict[str, object], found: Findings) -> list[object]:
    raws = body.get("events")
    if raws is None:
        found.refuse("events", "required: a list of 1 to 25 events", Invalid.MISSING)
    elif type(raws) is not list:
        found.refuse("events", "a list")
    elif not raws:
        found.refuse("events", "there is no event in it", Invalid.MISSING)
    elif len(raws) > MAX_EVENTS:
        found.refuse("events", f"at most {MAX_EVENTS} at once", Invalid.TOO_MANY)
    else:
        return raws
    return []


def _try(found: Findings, raw: dict[str, object], now_ms: int, mint_id: str = "") -> Event | None:
    try:
        return parse_event(raw, now_ms=now_ms, mint_id=mint_id, trusted=True)
    except InvalidInputError as error:
        place, colon, words = error.detail.partition(": ")
        code = CODE_OF.get(error.reason, Code.VALUE_INVALID)
        found.refuse(place if colon else "", words if colon else error.detail, error.reason, code)
        return None


def _say_who(event: Event, shared: Shared) -> None:
    event.client_id = shared.client_id
    if shared.google_email or shared.google_phone:
        known = event.user_data or UserData()
        event.user_data = replace(known, google_email=shared.google_email, google_phone=shared.google_phone)
