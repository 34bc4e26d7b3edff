"""An outbox entry: the reduced event, the consent it stands on, and where it belongs. Encoding only. Pure."""

from dataclasses import dataclass
from operator import attrgetter

import orjson

from proxy.event import CookielessEvent, FullEvent
from proxy.fields import mask_of
from proxy.signals import Signals


@dataclass(slots=True, repr=False)
class Entry:
    """One entry of one forwarder's outbox.

    ``ref`` is a keyed hash of site and event id, by which ``explain`` finds it; the id itself stands in full events alone.
    ``visitor`` is set on full entries alone: a full entry always belongs to a visitor, whose consent is read again
    before it is sent. ``accepted_ms`` is when we took it, ``read_at`` (store time, ms) when that consent was read, and ``known`` the marks of
    denials (``denied_at``) that its record bore then; None in cookieless entries, and in those of older versions.
    ``mark`` (``2026-11-22|purchase``) says to which report its end is told; None in those that are no conversions.
    """

    event: FullEvent | CookielessEvent
    ref: str
    visitor: str | None
    accepted_ms: int
    read_at: int
    policy_version: str
    known: tuple[int, int, int, int] | None = None
    mark: str | None = None

    @property
    def made_ms(self) -> int:
        """The time from which the entry ages, Unix ms: the event's own where it is known."""
        return (
            min(self.event.time_ms, self.accepted_ms)
            if isinstance(self.event, FullEvent)
            else self.accepted_ms
        )


def _plain(value: object) -> object:
    if isinstance(value, Signals):
        return value.code()
    raise TypeError(type(value).__name__)


_CONTAINERS = (dict, list)
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS

# What differs between the forwarders of one event. The rest is the same for all of them, and is written once.
_OWN_FULL = ("url", "referrer", "address", "ids", "contact", "user_id", "user_properties", "hit")
_OWN_COOKIELESS = ("address", "random_id")
_SHARED_FULL = tuple(name for name in FullEvent.__slots__ if name not in _OWN_FULL)
_SHARED_COOKIELESS = tuple(name for name in CookielessEvent.__slots__ if name not in _OWN_COOKIELESS)
_READ = {
    names: attrgetter(*names) for names in (_OWN_FULL, _OWN_COOKIELESS, _SHARED_FULL, _SHARED_COOKIELESS)
}


class Shared:
    """The parts that several entries of one event have in common, once they are written."""

    __slots__ = ("cookieless", "cookieless_fields", "full", "full_fields")

    def __init__(self) -> None:
        self.full: orjson.Fragment | None = None
        self.full_fields = 0
        self.cookieless: orjson.Fragment | None = None
        self.cookieless_fields = 0


def _filled(event: object, names: tuple[str, ...]) -> dict[str, object]:
    return {
        name: value
        for name, value in zip(names, _READ[names](event), strict=True)
        if value is not None and (value or type(value) not in _CONTAINERS)
    }


def encode(entry: Entry, shared: Shared | None = None) -> bytes:
    """Write an entry as JSON, without the fields that are empty.

    ``shared`` belongs to one event: entries of the same event that pass it have the same content, but for what each
    forwarder has of its own.
    """
    return encode_named(entry, shared)[0]


def encode_named(entry: Entry, shared: Shared | None = None) -> tuple[bytes, int]:
    """As ``encode``; returns also which fields of the event are in it, as ``proxy.fields`` numbers them."""
    event = entry.event
    shared = shared or Shared()
    if isinstance(event, FullEvent):
        mode, own = "f", _filled(event, _OWN_FULL)
        common = shared.full
        if common is None:
            body = _filled(event, _SHARED_FULL)
            common = shared.full = _written(body)
            shared.full_fields = mask_of(tuple(body))
        fields = shared.full_fields
    else:
        mode, own = "c", _filled(event, _OWN_COOKIELESS)
        common = shared.cookieless
        if common is None:
            body = _filled(event, _SHARED_COOKIELESS)
            common = shared.cookieless = _written(body)
            shared.cookieless_fields = mask_of(tuple(body))
        fields = shared.cookieless_fields
    body = {
        "m": mode,
        "i": entry.ref,
        "v": entry.visitor,
        "t": entry.accepted_ms,
        "r": entry.read_at,
        "p": entry.policy_version,
    }
    if entry.mark is not None:
        body["c"] = (
            entry.mark
        )  # before all that strangers write: the settling script looks for it there alone
    body["s"], body["e"] = common, own
    if entry.known is not None:
        body["d"] = entry.known if any(entry.known) else 0
    return orjson.dumps(body), fields | mask_of(tuple(own))


def _written(body: dict[str, object]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(body, _plain, _OPTIONS))


_FULL_DEFAULTS: dict[str, object] = dict.fromkeys(FullEvent.__slots__)
_COOKIELESS_DEFAULTS: dict[str, object] = dict.fromkeys(CookielessEvent.__slots__)
_DICTS = ("params", "ids", "contact", "user_properties", "hit")


def decode(raw: bytes) -> Entry:
    """Read an entry.

    Raises:
        ValueError: these bytes are no entry of ours.
    """
    try:
        data = orjson.loads(raw)
        body = data["e"]
        full = data["m"] == "f"
        fields = {**(_FULL_DEFAULTS if full else _COOKIELESS_DEFAULTS), **data["s"], **body}
        for name in _DICTS:
            if name in fields and fields[name] is None:
                fields[name] = {}
        fields["items"] = fields["items"] or []
        fields["signals"] = Signals.from_code(fields["signals"])
        event = FullEvent(**fields) if full else CookielessEvent(**fields)
        known, mark = _marks(data.get("d")), data.get("c")
        return Entry(event, data["i"], data["v"], data["t"], data["r"], data["p"], known, mark)
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"not an entry: {type(error).__name__}") from None


def _marks(raw: object) -> tuple[int, int, int, int] | None:
    if raw == 0:
        return (0, 0, 0, 0)
    if not isinstance(raw, list):
        return None
    first, second, third, fourth = raw
    return (first, second, third, fourth)
