"""From a stranger's JSON to an ``Event``, or to the reason why not. All distrust of the client's shapes is here. Pure."""

import math
import re
from collections.abc import Mapping

from proxy.event import Event, Item, Scalar, UserData
from proxy.reasons import Invalid
from proxy.signals import SIGNALS, Signals, Value

MAX_EVENTS = 100
MAX_DEPTH = 8
MAX_PARAMS = 100
MAX_ITEMS = 200
MAX_ITEM_FIELDS = 60
MAX_TEXT = 4096
MAX_ID = 128
OLDEST_MS = 72 * 3600 * 1000
NEWEST_MS = 5 * 60 * 1000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_CURRENCY = re.compile(r"[A-Za-z]{3}\Z")
_SCREEN = re.compile(r"[0-9]{2,5}x[0-9]{2,5}\Z")
# As text, a number is what a shop prints: no blanks, no underscores, no digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_LARGEST = 2**63
_CONTACT = ("email", "phone", "first_name", "last_name", "city", "postal_code", "country")
_CONTACT_NAMES = frozenset(_CONTACT)
_ALSO = {
    "phone_number": "phone",
    "firstName": "first_name",
    "lastName": "last_name",
    "postalCode": "postal_code",
}
_CONSENT_VALUES = {"granted": Value.GRANTED, "denied": Value.DENIED}
_SIGNAL_NAMES = frozenset(signal.value for signal in SIGNALS)
STRINGS = frozenset(
    {"gcs", "gcd", "gdpr", "gdpr_consent", "addtl_consent", "gpp", "gpp_sid", "us_privacy"},
)
"""Consent strings that may stand beside the four signals, under the names that URLs give them (Google; IAB)."""
MAX_STRING = 16_384


class InvalidInputError(Exception):
    """Why one event cannot be taken. ``detail`` names the place and what is allowed there, never the value."""

    def __init__(self, reason: Invalid, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def too_deep(value: object, limit: int = MAX_DEPTH) -> bool:
    """Tell whether a JSON value nests more than ``limit`` arrays and objects. Iterative: depth cannot exhaust it."""
    level: list[object] = [value]
    depth = 0
    while level:
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
        level = [one for one in below if isinstance(one, (dict, list))]
        depth += 1
        if depth > limit:
            return True
    return False


def parse_event(raw: object, *, now_ms: int, mint_id: str, trusted: bool) -> Event:
    """Make an event of one JSON value.

    Args:
        raw: the value.
        now_ms: the time of receipt, Unix ms.
        mint_id: the id that the event gets if it names none.
        trusted: whether it came with an ingest key, and so may add what a browser's request carries by itself.

    Raises:
        InvalidInputError: it cannot be taken.
    """
    if type(raw) is not dict:
        raise InvalidInputError(Invalid.TYPE, "an event is an object")
    name = raw.get("name")
    if type(name) is not str or not _NAME.match(name):
        raise InvalidInputError(
            Invalid.NAME, "name: a letter, then letters, digits and _, at most 40 characters"
        )
    stated_id = _text(raw, "event_id", MAX_ID)
    event = Event(name, stated_id or mint_id, _time(raw.get("timestamp"), now_ms), minted=stated_id is None)
    page = raw.get("page")
    if page is not None:
        page = _object(page, "page")
        event.url = _text(page, "url", MAX_TEXT, "page.")
        event.referrer = _text(page, "referrer", MAX_TEXT, "page.")
        event.title = _text(page, "title", MAX_TEXT, "page.")
    params = raw.get("params")
    if params is not None:
        _params(event, _object(params, "params"))
    _person(event, raw)
    consent = raw.get("consent")
    if consent is not None:
        _consent(event, _object(consent, "consent"))
    client = raw.get("client")
    if client is not None:
        _client(event, _object(client, "client"), trusted)
    ids = raw.get("ids")
    if ids is not None:
        event.ids = _ids(_object(ids, "ids"))
    if trusted:
        event.visitor = _text(raw, "visitor", MAX_ID)
        event.session_id = _text(raw, "session_id", 32)
    return event


def _consent(event: Event, raw: dict[str, object]) -> None:
    stated = raw
    if not raw.keys() <= _SIGNAL_NAMES:
        strings: dict[str, str] = {}
        for key in raw.keys() & STRINGS:
            text = _text(raw, key, MAX_STRING, "consent.")
            if text is not None:
                strings[key] = text
        event.strings = strings
        stated = {key: value for key, value in raw.items() if key not in STRINGS}
    event.consent = parse_signals(stated, "consent.")


def parse_signals(raw: Mapping[str, object], where: str = "") -> Signals:
    """Read any subset of the four signals; what is absent is unknown.

    Raises:
        InvalidInputError: an unknown key or value.
    """
    values = [Value.UNKNOWN] * 4
    for key, stated in raw.items():
        if key not in _SIGNAL_NAMES:
            raise InvalidInputError(
                Invalid.TYPE,
                f"{where.rstrip('.') or 'consent'}: no such signal; there are {', '.join(SIGNALS)}",
            )
        value = _CONSENT_VALUES.get(stated) if isinstance(stated, str) else None
        if value is None:
            raise InvalidInputError(Invalid.TYPE, f'{where}{key}: "granted" or "denied"')
        values[SIGNALS.index(key)] = value
    return Signals.of(*values)


def _person(event: Event, raw: Mapping[str, object]) -> None:
    user_data = raw.get("user_data")
    if user_data is not None:
        event.user_data = _user_data(_object(user_data, "user_data"))
    event.user_id = _text(raw, "user_id", 256)
    properties = raw.get("user_properties")
    if properties is not None:
        event.user_properties = _scalars(_object(properties, "user_properties"), "user_properties", 50)


def _object(value: object, where: str) -> dict[str, object]:
    if type(value) is not dict:
        raise InvalidInputError(Invalid.TYPE, f"{where}: an object")
    return value


def _text(holder: Mapping[str, object], key: str, limit: int, where: str = "") -> str | None:
    value = holder.get(key)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise InvalidInputError(Invalid.TYPE, f"{where}{key}: text")
    if len(value) > limit:
        raise InvalidInputError(Invalid.TOO_LARGE, f"{where}{key}: at most {limit} characters")
    return value


def _time(value: object, now_ms: int) -> int:
    if value is None:
        return now_ms
    if type(value) is float and abs(value) < 1e15:  # a page's clock has fractions of a millisecond
        value = int(value)
    if type(value) is not int:
        raise InvalidInputError(Invalid.TIMESTAMP, "timestamp: Unix time in milliseconds")
    if value < now_ms - OLDEST_MS:
        raise InvalidInputError(Invalid.TIMESTAMP, "timestamp: at most 72 hours old")
    if value > now_ms + NEWEST_MS:
        raise InvalidInputError(Invalid.TIMESTAMP, "timestamp: at most 5 minutes ahead")
    # A client's clock may be a little ahead; no vendor is told of a moment that has not come yet.
    return min(value, now_ms)


def _scalars(raw: dict[str, object], where: str, limit: int) -> dict[str, Scalar]:
    if len(raw) > limit:
        raise InvalidInputError(Invalid.TOO_MANY, f"{where}: at most {limit}")
    out: dict[str, Scalar] = {}
    for key, value in raw.items():
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool:
            if kind is str:
                if len(value) > MAX_TEXT:  # type: ignore[arg-type]  # a text, said by kind
                    raise InvalidInputError(
                        Invalid.TOO_LARGE, f"{where}: a text has at most {MAX_TEXT} characters"
                    )
            elif kind is not bool and not _fits(value):  # type: ignore[arg-type]  # a number, said by kind
                raise InvalidInputError(Invalid.TYPE, f"{where}: a number has at most 64 bits")
            out[key] = value  # type: ignore[assignment]  # one of Scalar, said by kind
        elif value is not None:
            raise InvalidInputError(Invalid.TYPE, f"{where}: each is a text, a number, true or false")
        if len(key) > MAX_ID:
            raise InvalidInputError(Invalid.TOO_LARGE, f"{where}: a name has at most {MAX_ID} characters")
    return out


def _fits(number: float) -> bool:
    """Tell whether a number can be written into an entry and read again as what it was."""
    return -_LARGEST <= number < _LARGEST if type(number) is int else math.isfinite(number)


def _params(event: Event, raw: dict[str, object]) -> None:
    if "items" in raw:
        items = raw["items"]
        raw = {key: value for key, value in raw.items() if key != "items"}
        if items is not None:
            event.items = _items(items)
    params = _scalars(raw, "params", MAX_PARAMS)
    if params:
        event.value = _number(params.pop("value", None), "params.value")
        event.currency = _currency(params.pop("currency", None))
        transaction_id = params.pop("transaction_id", None)
        if transaction_id is not None and transaction_id != "":
            event.transaction_id = str(transaction_id)
            if len(event.transaction_id) > MAX_ID:
                raise InvalidInputError(
                    Invalid.TOO_LARGE, f"params.transaction_id: at most {MAX_ID} characters"
                )
        event.params = params


def _items(raw: object) -> list[Item]:
    if type(raw) is not list:
        raise InvalidInputError(Invalid.TYPE, "params.items: a list")
    if len(raw) > MAX_ITEMS:
        raise InvalidInputError(Invalid.TOO_MANY, f"params.items: at most {MAX_ITEMS}")
    return [_scalars(_object(item, "params.items"), "params.items", MAX_ITEM_FIELDS) for item in raw]


def _number(value: Scalar | None, where: str) -> float | None:
    if value is None or value == "":
        return None
    if type(value) is str and _NUMBER.match(value.strip()):  # shops often send prices as text
        value = float(value)
    if isinstance(value, str | bool) or not _fits(value):
        raise InvalidInputError(Invalid.TYPE, f"{where}: a number")
    return value


def _currency(value: Scalar | None) -> str | None:
    if value is None or value == "":
        return None
    if type(value) is not str or not _CURRENCY.match(value):
        raise InvalidInputError(Invalid.TYPE, "params.currency: three letters, ISO 4217")
    return value.upper()


def _as_tags_say(raw: dict[str, object]) -> dict[str, object]:
    """Return contact data under our names: gtag, Segment and data layers have others, and an address beside them."""
    address = raw.get("address")
    if type(address) is list and address:
        address = address[0]
    told = {**address, **raw} if type(address) is dict else raw
    return told | {ours: told[name] for name, ours in _ALSO.items() if name in told and ours not in told}


def _user_data(raw: dict[str, object]) -> UserData | None:
    if not raw.keys() <= _CONTACT_NAMES:
        raw = _as_tags_say(raw)
    found = {key: text for key in _CONTACT if (text := _text(raw, key, 256, "user_data.")) is not None}
    return UserData(**found) if found else None


def _client(event: Event, raw: dict[str, object], trusted: bool) -> None:
    event.language = _text(raw, "language", 64, "client.")
    screen = _text(raw, "screen", 16, "client.")
    event.screen = screen if screen is not None and _SCREEN.match(screen) else None
    if trusted:
        event.user_agent = _text(raw, "user_agent", 1024, "client.")
        event.address = _text(raw, "ip", 64, "client.")


def _id(value: object) -> str | None:
    # Their names are the client's own, so no detail repeats them.
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise InvalidInputError(Invalid.TYPE, "ids: each is a text")
    if len(value) > 600:
        raise InvalidInputError(Invalid.TOO_LARGE, "ids: each has at most 600 characters")
    return value


def _ids(raw: dict[str, object]) -> dict[str, str]:
    if len(raw) > 40:
        raise InvalidInputError(Invalid.TOO_MANY, "ids: at most 40")
    return {key: text for key in raw if len(key) <= 40 and (text := _id(raw[key])) is not None}
