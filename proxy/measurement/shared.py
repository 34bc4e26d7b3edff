"""What stands once in a Measurement Protocol request, outside its events. Pure."""

import re
from dataclasses import dataclass, field

from forwarders._ga_limits import (
    MAX_PROPERTIES,
    MAX_PROPERTY_NAME,
    MAX_PROPERTY_TEXT,
    RESERVED_PROPERTIES,
)
from forwarders._gtag import client_id_in
from proxy.identity import parse_visitor
from proxy.measurement.events import NAME, NOT_NAMED_SO, RESERVED_PREFIXES
from proxy.measurement.findings import Code, Findings
from proxy.measurement.person import read_person
from proxy.measurement.surroundings import Surroundings, read_device, read_place
from proxy.parse import STRINGS
from proxy.reasons import Invalid
from proxy.scrub import scrub_id
from proxy.signals import SIGNALS

_KEYS = frozenset(
    "client_id user_id timestamp_micros user_properties user_data consent non_personalized_ads user_location ip_override"
    " device user_agent validation_behavior events visitor ids".split()
)
_APP = frozenset({"app_instance_id", "firebase_app_id"})
_SCALARS = frozenset({str, int, float, bool, type(None)})
_VISIBLE = re.compile(r"[!-~]{1,128}\Z")
_SIGNAL_NAMES = frozenset(SIGNALS)
_CLIENT_ID = "the value of the _ga cookie, or at most 128 visible ASCII characters that name nobody"


@dataclass(slots=True, repr=False)
class Shared:
    """What a body says of all its events. ``raw`` is in our events' shape.

    ``google_email`` and ``google_phone`` are SHA-256 by Google's rules, 64 hex digits, or empty.
    """

    raw: dict[str, object] = field(default_factory=dict)
    client_id: str | None = None
    google_email: str = ""
    google_phone: str = ""
    around: Surroundings = field(default_factory=Surroundings)


def read_shared(body: dict[str, object], found: Findings) -> Shared:
    """Read everything but ``events`` and ``timestamp_micros``."""
    shared = Shared()
    if not body.keys() <= _KEYS:
        if not _APP.isdisjoint(body):
            found.refuse("", "events of apps are not taken, only those of a web data stream", Invalid.STREAM)
        else:
            found.remark("", f"a key that is not read; there are {', '.join(sorted(_KEYS))}")
    _read_ids(body, shared, found)
    _read_consent(body, shared, found)
    _read_properties(body.get("user_properties"), shared, found)
    person = read_person(body.get("user_data"), found)
    if person.plain:
        shared.raw["user_data"] = person.plain
    shared.google_email, shared.google_phone = person.google_email, person.google_phone
    read_place(body, shared.around, found)
    client = read_device(body, shared.around, found)
    if client:
        shared.raw["client"] = client
    return shared


def _read_ids(body: dict[str, object], shared: Shared, found: Findings) -> None:
    for key in ("user_id", "ids"):  # which parse_event judges
        if body.get(key) is not None:
            shared.raw[key] = body[key]
    visitor = body.get("visitor")
    if visitor is not None and visitor != "":
        if type(visitor) is not str:
            found.refuse("visitor", "text")
        elif (
            parse_visitor(visitor) is None
        ):  # a browser may have spoilt its cookie, and an order is not lost for that
            found.remark("visitor", "the value of the site's id cookie; these events are taken as nobody's")
        else:
            shared.raw["visitor"] = visitor
    client_id = body.get("client_id")
    if client_id is None or client_id == "":
        if visitor is None or visitor == "":
            words = "required: the value of the _ga cookie; it may be left out only beside visitor"
            found.refuse("client_id", words, Invalid.MISSING)
    elif type(client_id) is not str or not _VISIBLE.match(client_id):
        found.refuse("client_id", _CLIENT_ID)
    else:
        shared.client_id = client_id_in(client_id) or scrub_id(client_id)
        if shared.client_id is None:
            found.refuse("client_id", f"{_CLIENT_ID}; this looks like personal data")


def _read_consent(body: dict[str, object], shared: Shared, found: Findings) -> None:
    raw = body.get("consent")
    consent: dict[str, object] = {}
    if raw is not None and type(raw) is not dict:
        found.refuse("consent", "an object")
    elif raw is not None:
        for key, value in raw.items():
            if key in STRINGS:
                consent[key] = value
            elif key not in _SIGNAL_NAMES:
                found.refuse("consent", f"no such key; there are {', '.join(SIGNALS)}")
            elif type(value) is str and value.lower() in {"granted", "denied"}:
                consent[key] = value.lower()
            else:
                found.refuse(f"consent.{key}", "GRANTED or DENIED")
    impersonal = body.get("non_personalized_ads")
    if impersonal is True:
        consent["ad_personalization"] = "denied"
    elif impersonal is not None and impersonal is not False:
        found.refuse("non_personalized_ads", "true or false")
    if consent:
        shared.raw["consent"] = consent


def _read_properties(raw: object, shared: Shared, found: Findings) -> None:
    if raw is None:
        return
    place = "user_properties"
    if type(raw) is not dict:
        found.refuse(place, "an object")
        return
    if len(raw) > MAX_PROPERTIES:
        found.refuse(place, f"at most {MAX_PROPERTIES}", Invalid.TOO_MANY)
        return
    properties: dict[str, object] = {}
    for number, (name, given) in enumerate(raw.items(), 1):
        at = f"number {number}: "
        _check_property_name(name, at, found)
        if type(given) is not dict or type(given.get("value")) not in _SCALARS:
            found.refuse(place, f'{at}{{"value": a text, a number, true or false}}')
            continue
        value = properties[name] = given.get("value")
        if type(value) is str and len(value) > MAX_PROPERTY_TEXT:
            words = f"{at}Google keeps {MAX_PROPERTY_TEXT} characters"
            found.remark(place, words, Code.VALUE_OUT_OF_BOUNDS)
    if properties:
        shared.raw[place] = properties


def _check_property_name(name: str, at: str, found: Findings) -> None:
    if name in RESERVED_PROPERTIES:
        words = f"{at}Google keeps this name for itself"
        found.refuse("user_properties", words, Invalid.NAME, Code.NAME_RESERVED)
    elif name.lower().startswith(RESERVED_PREFIXES):
        found.refuse("user_properties", at + NOT_NAMED_SO, Invalid.NAME, Code.NAME_RESERVED)
    elif not NAME.match(name) or len(name) > MAX_PROPERTY_NAME:
        words = f"{at}a letter, then letters, digits and _, at most {MAX_PROPERTY_NAME} characters"
        found.refuse("user_properties", words, Invalid.NAME)
