"""One event of a Measurement Protocol request, as an event in the shape that ``/collect`` takes. Pure."""

import re

from forwarders._ga_limits import (
    ITEM_FIELDS,
    MAX_ITEM_EXTRAS,
    MAX_PARAMS,
    MAX_REFERRER,
    MAX_TEXT,
    MAX_TITLE,
    MAX_URL,
    RESERVED_EVENTS,
)
from forwarders._gtag import session_in
from proxy.measurement.findings import Code, Findings
from proxy.measurement.required import NOT_MONEY, REQUIRED
from proxy.parse import MAX_TEXT as LONGEST
from proxy.parse import NEWEST_MS, OLDEST_MS
from proxy.reasons import Invalid

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
RESERVED_PREFIXES = ("_", "ga_", "google_", "firebase_", "gtag.")
NAMED_SO = "a letter, then letters, digits and _, at most 40 characters"
NOT_NAMED_SO = "no name begins with _, ga_, google_, firebase_ or gtag., as Google keeps those for itself"
MICROS = "Unix time in microseconds, 16 digits"

_KEYS = frozenset({"name", "params", "timestamp_micros"})
_PAGE = {"page_location": ("url", MAX_URL), "page_referrer": ("referrer", MAX_REFERRER)} | {
    "page_title": ("title", MAX_TITLE)
}
_SAME_AGE_MS = 10 * 365 * 86_400_000
"""A time that is as near as this to now in another unit was surely meant in that."""
_NOTHING: tuple[object, ...] = (None, "", [])
_DIGITS = re.compile(r"-?[0-9]{1,19}\Z")
_SPOKEN = (
    frozenset("value currency transaction_id items session_id engagement_time_msec".split()) | _PAGE.keys()
)
"""Parameters that a detail may name; the names of others are the sender's own and are not repeated."""


def read_event(
    raw: object, shared: dict[str, object], stated_ms: int | None, now_ms: int, found: Findings
) -> dict[str, object]:
    """Turn one of ``events`` into an event of ours.

    Args:
        raw: the JSON value.
        shared: what stands in the body for all events, in our shape.
        stated_ms: the body's own time, Unix ms.
        now_ms: the time of receipt, Unix ms.
        found: where to note what is wrong; the result is of use only if nothing in it costs the event.
    """
    if type(raw) is not dict:
        found.refuse("", "an event is an object")
        return {}
    event = dict(shared)
    _read_name(raw.get("name"), found)
    event["name"] = raw.get("name")
    if not raw.keys() <= _KEYS:
        found.remark("", f"an event has {', '.join(sorted(_KEYS))}; the rest is not read")
    time_ms = read_time(raw.get("timestamp_micros"), now_ms, found)
    event["timestamp"] = stated_ms if time_ms is None else time_ms
    params = raw.get("params")
    if params is None:
        params = {}
    if type(params) is not dict:
        found.refuse("params", "an object")
        return {}
    _read_params(event, params, found)
    _check_required(event["name"], params, found)
    return event


def _read_name(name: object, found: Findings) -> None:
    if name is None or name == "":
        found.refuse("name", "required", Invalid.NAME, Code.VALUE_REQUIRED)
    elif type(name) is not str or not NAME.match(name):
        found.refuse("name", NAMED_SO, Invalid.NAME)
    elif name in RESERVED_EVENTS:
        found.refuse("name", "Google keeps this name for its own events", Invalid.NAME, Code.NAME_RESERVED)
    elif name.lower().startswith(RESERVED_PREFIXES):
        found.refuse("name", NOT_NAMED_SO, Invalid.NAME, Code.NAME_RESERVED)


def read_time(value: object, now_ms: int, found: Findings) -> int | None:
    """Read ``timestamp_micros`` into Unix ms; None if there is none, or none that can be taken.

    What is too old or ahead is refused. Google pulls such events to another day without a word.
    """
    if value is None:
        return None
    # Google's own libraries write 64-bit numbers as text.
    if (type(value) is str and _DIGITS.match(value)) or (type(value) is float and value.is_integer()):
        value = int(value)
    if type(value) is not int:
        found.refuse("timestamp_micros", MICROS, Invalid.TIMESTAMP)
        return None
    if now_ms - OLDEST_MS <= value // 1000 <= now_ms + NEWEST_MS:
        return value // 1000
    code = Code.VALUE_OUT_OF_BOUNDS
    for unit, in_ms in (("seconds", value * 1000), ("milliseconds", value)):
        if abs(in_ms - now_ms) < _SAME_AGE_MS:
            found.refuse("timestamp_micros", f"{MICROS}; these look like {unit}", Invalid.TIMESTAMP, code)
            return None
    allowed = "at most 72 hours old" if value // 1000 < now_ms else "at most 5 minutes ahead"
    found.refuse("timestamp_micros", f"{allowed}, in microseconds", Invalid.TIMESTAMP, code)
    return None


def _read_params(event: dict[str, object], given: dict[str, object], found: Findings) -> None:
    if len(given) - ("event_id" in given) > MAX_PARAMS:
        found.refuse("params", f"at most {MAX_PARAMS}, event_id not counted", Invalid.TOO_MANY)
        return
    page: dict[str, object] = {}
    params: dict[str, object] = {}
    for number, (name, value) in enumerate(given.items(), 1):
        if not NAME.match(name) or name.lower().startswith(RESERVED_PREFIXES):
            _refuse_name(name, number, found)
        elif name in _PAGE:
            key, longest = _PAGE[name]
            if _is_text(f"params.{name}", value, longest, found):
                page[key] = value
        elif name == "event_id":
            event["event_id"] = value
        elif name == "session_id":
            _read_session(event, value, found)
        else:
            params[name] = value
            if type(value) is str and len(value) > MAX_TEXT:
                _remark_length(name, number, found)
    _read_engagement(params)
    _check_items(params.get("items"), found)
    event["page"], event["params"] = page, params


def _remark_length(name: str, number: int, found: Findings) -> None:
    words = f"Google keeps {MAX_TEXT} characters of a text"
    if name in _SPOKEN:
        found.remark(f"params.{name}", words, Code.VALUE_OUT_OF_BOUNDS)
    else:
        found.remark("params", f"number {number}: {words}", Code.VALUE_OUT_OF_BOUNDS)


def _read_engagement(params: dict[str, object]) -> None:
    """Let a time that is written as text be a number, as Google does."""
    engaged = params.get("engagement_time_msec")
    if type(engaged) is str and engaged.isascii() and engaged.isdigit() and len(engaged) < 16:
        params["engagement_time_msec"] = int(engaged)


def _refuse_name(name: str, number: int, found: Findings) -> None:
    if name.lower().startswith(RESERVED_PREFIXES):
        found.refuse("params", f"number {number}: {NOT_NAMED_SO}", Invalid.NAME, Code.NAME_RESERVED)
    else:
        found.refuse("params", f"number {number}: a name is {NAMED_SO}", Invalid.NAME)


def _is_text(place: str, value: object, longest: int, found: Findings) -> bool:
    if value is None or value == "":
        return False
    if type(value) is not str:
        found.refuse(place, "text")
        return False
    if len(value) > LONGEST:
        found.refuse(place, f"at most {LONGEST} characters", Invalid.TOO_LARGE)
    elif len(value) > longest:
        found.remark(place, f"Google keeps {longest} characters", Code.VALUE_OUT_OF_BOUNDS)
    return True


def _read_session(event: dict[str, object], value: object, found: Findings) -> None:
    if value is None or value == "":
        return
    if type(value) is int and value > 0:
        value = str(value)
    if type(value) is not str:
        found.refuse("params.session_id", "digits, or the value of the _ga_<ID> cookie")
        return
    session = session_in(value)
    if session is None:  # cookies are the browser's to spoil, and an order is not lost for that
        words = "digits, or the value of the _ga_<ID> cookie; this one is not used"
        found.remark("params.session_id", words)
    else:
        event["session_id"] = session


def _check_items(items: object, found: Findings) -> None:
    if type(items) is not list:
        return
    for number, item in enumerate(items):
        if type(item) is not dict:
            return  # which parse_event refuses
        place = f"params.items[{number}]"
        if not (item.get("item_id") or item.get("item_name")):
            found.remark(
                place, "needs item_id or item_name; Google does not get this one", Code.VALUE_REQUIRED
            )
        if len(item.keys() - ITEM_FIELDS) > MAX_ITEM_EXTRAS:
            words = f"Google takes {MAX_ITEM_EXTRAS} fields of your own in an item"
            found.remark(place, words, Code.EXCEEDED_MAX_ENTITIES)
        if any(type(value) is str and len(value) > MAX_TEXT for value in item.values()):
            words = f"Google keeps {MAX_TEXT} characters of a text"
            found.remark(place, words, Code.VALUE_OUT_OF_BOUNDS)


def _check_required(name: object, params: dict[str, object], found: Findings) -> None:
    if type(name) is not str:
        return
    needed = REQUIRED.get(name, ())
    for one in needed:
        if params.get(one) in _NOTHING:
            found.remark(f"params.{one}", "Google's reports of this event need it", Code.VALUE_REQUIRED)
    if "currency" in needed or name in NOT_MONEY:
        return
    if params.get("value") not in _NOTHING and params.get("currency") in _NOTHING:
        found.remark("params.currency", "a value needs its currency", Code.VALUE_REQUIRED)
