"""What Google's own tag (gtag.js) sends to ``/g/collect``, understood: events of ours, and what else it said. Pure.

Google does not document this protocol (version 2); the tag was seen to send it so. Parameters stand in the query. A body
holds one event per line, each line with its own parameters, which override the query's. ``ep.`` are texts, ``epn.``
numbers, ``up.`` and ``upn.`` properties of the user, ``pr1`` to ``pr200`` items. Consent stands beside the event in strings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final
from urllib.parse import unquote_plus

from forwarders._google_hit import PROMOTION_EVENTS, shaped
from forwarders._google_ping import ITEM_NAMES
from forwarders._gtag import client_id_in, contact_in, session_in
from proxy.event import Event, UserData
from proxy.parse import MAX_EVENTS, MAX_ID, STRINGS, InvalidInputError, parse_event
from proxy.reasons import Invalid
from proxy.signals import Value
from proxy.sources.consent_mode import read as read_consent_mode

MAX_SIZE: Final = 512 * 1024
"""Characters that the events of one request may come to, each with what it shares with the others."""
_MOST_PAIRS: Final = 400

Pairs = dict[str, str]

_CONFLICT: Final = "?"
"""Stands for a consent string that was stated twice, and not alike: it can be read as nothing."""
_PLACES: Final = {
    "uid": ("", "user_id"),
    "ep.event_id": ("", "event_id"),
    "dl": ("page", "url"),
    "dr": ("page", "referrer"),
    "dt": ("page", "title"),
    "ul": ("client", "language"),
    "sr": ("client", "screen"),
    "cu": ("params", "currency"),
    "pi": ("params", "promotion_id"),
    "pn": ("params", "promotion_name"),
    "lo": ("params", "location_id"),
}
_CREATIVE: Final = {"cn": ("params", "creative_name"), "cs": ("params", "creative_slot")}
_PARTS: Final = ("", "page", "client", "params", "user_properties")
_FREE: Final = {
    "ep": ("params", False),
    "epn": ("params", True),
    "up": ("user_properties", False),
    "upn": ("user_properties", True),
}
_ITEM: Final = re.compile(r"pr([1-9][0-9]{0,2})")
_MOST_ITEMS: Final = 200
_NUMBERS: Final = frozenset({"price", "quantity", "discount", "index"})
_NUMBER: Final = re.compile(r"-?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """One event of the tag.

    ``raw`` is the event as ``proxy.parse.parse_event`` takes it. ``kept`` are the parameters that have no place in it and may
    go on to Google, by their short names, each checked for its shape.
    """

    raw: dict[str, object]
    version: str
    stream: str
    client_id: str | None
    session_id: str | None
    kept: dict[str, str]


def read_hits(query: str, body: str = "") -> tuple[list[Hit], int]:
    """Read a request of the tag; returns its events, and how many characters they come to.

    Args:
        query: the query, encoded.
        body: lines of further pairs, an event each; empty where the query is the one event.

    Raises:
        InvalidInputError: ``TOO_MANY`` or ``TOO_LARGE``; nothing of it can be taken.
    """
    lines = [line for line in body.split("\n") if line and not line.isspace()]
    if len(lines) > MAX_EVENTS:
        raise InvalidInputError(Invalid.TOO_MANY, f"at most {MAX_EVENTS} events at once")
    size = len(query) * max(len(lines), 1) + len(body)
    if size > MAX_SIZE:
        raise InvalidInputError(Invalid.TOO_LARGE, "less in the query, as every line has it all")
    shared = _pairs(query)
    return [_hit({**shared, **_pairs(line)}) for line in lines] or [_hit(shared)], size


def event_of(hit: Hit, streams: tuple[str, ...], *, now_ms: int, mint_id: str) -> Event:
    """Make an event of ours of a hit.

    Args:
        hit: as it was read.
        streams: the data streams of the site, the first one's first.
        now_ms: the time of receipt, Unix ms: hits carry none of their own.
        mint_id: the id that the event gets if it names none.

    Raises:
        InvalidInputError: it cannot be taken.
    """
    if hit.version != "2":
        raise InvalidInputError(Invalid.MALFORMED, "v: this is not version 2 of the protocol")
    if hit.stream not in streams:
        raise InvalidInputError(
            Invalid.STREAM, "tid: no google_analytics forwarder here has this measurement id"
        )
    event = parse_event(hit.raw, now_ms=now_ms, mint_id=mint_id, trusted=False)
    event.client_id, event.session_id = hit.client_id, hit.session_id
    event.stream, event.hit = hit.stream, hit.kept
    if (
        "em" in hit.kept
    ):  # hashed by the page: the click ids of its conversion may be missing, and this does as well
        email, phone = contact_in(hit.kept["em"])
        event.user_data = UserData(google_email=email, google_phone=phone)
    if not event.minted and hit.stream != streams[0]:
        # The tag reports one event to each of a page's streams: these are no duplicates.
        event.event_id = f"{event.event_id[: MAX_ID - 20]}.{hit.stream[:19]}"
    return event


def _pairs(text: str) -> Pairs:
    """Take a query or a line apart. Of a name that comes twice the last counts, unless it is about consent."""
    found: Pairs = {}
    parts = text.strip().split("&", _MOST_PAIRS)
    if len(parts) > _MOST_PAIRS:
        raise InvalidInputError(Invalid.TOO_MANY, f"at most {_MOST_PAIRS} parameters")
    for part in parts:
        name, _, value = part.partition("=")
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if name in STRINGS and found.get(name, value) != value:
            value = _CONFLICT
        elif name in _DENIALS and found.get(name) == _DENIALS[name][0]:
            continue
        found[name] = value
    return found


class _Reading:
    """One event, as far as it is understood."""

    __slots__ = ("items", "kept", "parts", "promotion")

    def __init__(self, name: str) -> None:
        self.promotion = name in PROMOTION_EVENTS
        self.parts: dict[str, dict[str, object]] = {part: {} for part in _PARTS}
        self.parts[""]["name"] = name
        self.items: dict[int, dict[str, object]] = {}
        self.kept: Pairs = {"v": "2"}

    def take(self, key: str, value: str) -> None:
        """Put a parameter where it belongs; one that is not known stays behind."""
        place = _PLACES.get(key) or (_CREATIVE.get(key) if self.promotion else None)
        if place is not None:
            self.parts[place[0]][place[1]] = value
            return
        prefix, dot, name = key.partition(".")
        free = _FREE.get(prefix) if dot else None
        if free is not None:
            part, is_number = free
            if is_number:
                self.parts[part][name] = _number(value)
            else:
                self.parts[part].setdefault(name, value)
        elif (item := _ITEM.fullmatch(key)) is not None:
            if int(item[1]) <= _MOST_ITEMS:
                self.items[int(item[1])] = _item(value)
        elif (good := shaped(key, value)) is not None:
            self.kept[key] = good

    def raw(self, consent: dict[str, object]) -> dict[str, object]:
        """Return the event in the shape that ``/collect`` takes."""
        params = self.parts["params"]
        params.pop("items", None)  # a text of that name is no list of them
        if self.items:
            params["items"] = [self.items[number] for number in sorted(self.items)]
        if "_et" in self.kept:
            params.setdefault("engagement_time_msec", int(self.kept["_et"]))
        named = {key: part for key, part in self.parts.items() if key and part}
        return {**self.parts[""], **named, **({"consent": consent} if consent else {})}


def _hit(pairs: Pairs) -> Hit:
    reading = _Reading(pairs.get("en", ""))
    for key, value in pairs.items():
        if value:
            reading.take(key, value)
    return Hit(
        reading.raw(_consent(pairs)),
        pairs.get("v", ""),
        pairs.get("tid", ""),
        client_id_in(pairs.get("cid", "")),
        session_in(pairs.get("sid")),
        reading.kept,
    )


# What a parameter of this value denies, where ``gcd`` grants that signal or is not there. Where ``gcd`` shows that the signal
# was never set, it is Google's presumption for the visitor's region, and says nothing of this visitor; where ``gcd`` denies it
# too, it is no word of its own.
_DENIALS: Final = {"npa": ("1", "ad_personalization"), "dma_cps": ("-", "ad_user_data")}


def _consent(pairs: Pairs) -> dict[str, object]:
    """Return the consent strings, and what the parameters that follow from consent deny."""
    consent: dict[str, object] = {key: pairs[key] for key in STRINGS & pairs.keys() if pairs[key]}
    for key, (denies, signal) in _DENIALS.items():
        if pairs.get(key) == denies and not _follows(pairs, signal):
            consent[signal] = Value.DENIED.value
    return consent


def _follows(pairs: Mapping[str, str], signal: str) -> bool:
    gcd = pairs.get("gcd")
    if not gcd:
        return False
    said = read_consent_mode(None, gcd)
    value: Value = getattr(said.signals, signal)
    return said.readable and value is not Value.GRANTED


def _item(text: str) -> dict[str, object]:
    """Read ``idSKU1~nmShirt~pr19.99~k0colour~v0red``; a doubled ``~`` is one within a value."""
    item: dict[str, object] = {}
    names: dict[str, str] = {}
    for field in text.replace("~~", "\0").split("~"):
        code, value = field[:2], field[2:].replace("\0", "~")
        if not value:
            continue
        if (name := ITEM_NAMES.get(code)) is not None:
            item[name] = _number(value) if name in _NUMBERS else value
        elif code[0] == "k":
            names[code[1]] = value
        elif code[0] == "v" and code[1] in names:
            item.setdefault(names[code[1]], value)
    return item


def _number(text: str) -> float | str:
    """Read a number as browsers write it; what is none stays text."""
    if not _NUMBER.fullmatch(text):
        return text
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    return number if isfinite(number) else text
