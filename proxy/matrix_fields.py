"""Which fields of an event reach a vendor: found out by asking, not by describing.

The fullest event that there can be is reduced and mapped as any other. A field counts as sent if changing it changes the
request; so whatever a reduction takes out, or a forwarder has no use for, is not named here. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, fields, replace
from typing import Any, Final, TypeVar

from forwarders.base import Forwarder, Request
from proxy.anonymise import clean, reduce_cookieless, reduce_full
from proxy.clickids import CLICK_IDS, valid
from proxy.event import CookielessEvent, Event, FullEvent, UserData, Visit
from proxy.reasons import Reason
from proxy.signals import ALL_DENIED, ALL_GRANTED, ConsentState, Signals
from proxy.site import SitePolicy

E = TypeVar("E", FullEvent, CookielessEvent)

_NOW_MS: Final = 1_795_341_600_000
_ID: Final = "0123456789abcdef0123456789abcdef"
_CLICK_IDS: Final[Mapping[str, str]] = {
    click: _ID if valid(click, _ID) else "1234"
    for click in CLICK_IDS
    if valid(click, _ID) or valid(click, "1234")
}
_RANDOM_ID: Final = f"1234567890.{_NOW_MS // 1000}"

# What browsers hold for vendors, each in the form in which its forwarder recognises it. Of a cookie that is not listed,
# the value is ``_ID``.
_COOKIES: Final[Mapping[str, str]] = {
    "_ga": "GA1.2.1254136630.1795000000",
    "_gcl_aw": f"GCL.1795000002.{_ID}",
    "_gcl_gb": f"GCL.1795000002.{_ID}",
    "_gcl_ag": f"GCL.1795000002.{_ID}",
    "_gcl_dc": f"GCL.1795000002.{_ID}",
    "_fbp": "fb.1.1795169000000.1254136630",
    "_fbc": f"fb.1.1795169000001.{_ID}",
    "_uetmsclkid": f"_uet{_ID}",
}
# Another value of the same kind, for those that a made-up one might not pass for.
_OTHER: Final[Mapping[str, Any]] = {
    "time_ms": _NOW_MS - 60_000,
    "url": "https://shop.example/other",
    "referrer": "https://other.example",
    "params": {},
    "items": [],
    "value": 1.0,
    "currency": "SEK",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "language": "sv",
    "screen": "390x844",
    "address": "198.51.100.0",
    "country": "US",
    "region": "US-CA",
    "user_properties": {},
    "random_id": f"987654321.{_NOW_MS // 1000 - 60}",
}
# Empty, each in its own way, so that a field can be seen alone: one may be sent only where another is missing.
_EMPTY: Final[Mapping[str, Any]] = {"params": {}, "items": [], "user_agent": "", "user_properties": {}}
_OPTIONAL: Final = frozenset(
    "url referrer title params items value currency transaction_id user_agent language screen address country region"
    " user_id user_properties".split()
)

_ORDER: Final = {one.name: place for place, one in enumerate(fields(FullEvent))} | {
    "name": -1,
    "random_id": 99,
}


def full_fields(forwarder: Forwarder, names: Iterable[str], signals: Signals) -> tuple[str, ...]:
    """Return what full events of these names may tell this vendor under these signals.

    The fields are those of ``FullEvent``; ``ids.``, ``contact.`` and ``click_ids.`` (those left in the URL) are named
    singly.
    """
    found: set[str] = set()

    def request(event: FullEvent) -> Request:
        return forwarder.full([event])

    for name in names:
        event = _fullest(forwarder, name, signals, _CLICK_IDS)
        sent = set(_sent(event, request, fields(event)))
        if event.hit:  # what did not come from the vendor's own tag may go another way
            plain = replace(event, hit={})
            sent |= set(_sent(plain, request, fields(plain)))
        found |= sent
        if "url" in sent and event.url is not None:
            found |= {f"click_ids.{click}" for click in _click_ids_in(event.url)}
        # A vendor may take one click id of several, so each is also offered alone.
        for click in forwarder.takes_click_ids & _CLICK_IDS.keys():
            event = _fullest(forwarder, name, signals, {click: _CLICK_IDS[click]})
            found |= set(_sent(event, request, [one for one in fields(event) if one.name == "ids"]))
    return tuple(sorted(found, key=_place))


def cookieless_fields(
    forwarder: Forwarder, names: Iterable[str], signals: Signals, policy: SitePolicy
) -> tuple[str, ...]:
    """Return what cookieless events of these names may tell this vendor: fields of ``CookielessEvent``."""
    found: set[str] = set()
    for name in names:
        content = clean(_event(name, policy.cookieless_params, _CLICK_IDS))
        event = reduce_cookieless(
            content,
            _visit(forwarder),
            _state(signals),
            policy,
            _RANDOM_ID,
            takes_address=forwarder.cookieless_takes_address,
        )
        found |= set(_sent(event, forwarder.cookieless, fields(event)))
    return tuple(sorted(found, key=_place))


def needs_identifier(forwarder: Forwarder, name: str, signals: Signals) -> bool:
    """Tell whether a full event is of no use to this vendor without a click id or contact data."""
    bare = reduce_full(
        clean(Event(name, "e", _NOW_MS)),
        Visit(),
        _state(signals),
        forwarder,
        derived=bytes(16),
        session_start=None,
        host="shop.example",
    )
    return not forwarder.identified(bare)


# --- the fullest event ------------------------------------------------------------------------------------------


def _event(name: str, params: frozenset[str], click_ids: Mapping[str, str]) -> Event:
    query = "&".join(f"{click}={value}" for click, value in click_ids.items())
    return Event(
        name=name,
        event_id="018f6a2e",
        time_ms=_NOW_MS,
        url=f"https://shop.example/thanks?utm_source=news&{query}",
        referrer="https://news.example/article",
        title="Thanks",
        params={"plan": "yearly", **dict.fromkeys(params, "yearly")},
        items=[{"item_id": "SKU1", "item_name": "Sweater", "price": 249.5, "quantity": 2}],
        value=499.0,
        currency="NOK",
        transaction_id="T-1",
        user_data=UserData(
            email="visitor@shop.example",
            phone="+4722222222",
            first_name="Kari",
            last_name="Nordmann",
            city="Oslo",
            postal_code="0150",
            country="NO",
        ),
        user_id="u-1",
        user_properties={"member": "yes"},
        language="nb-NO",
        screen="1920x1080",
        ids=dict(click_ids),
        session_id=str(_NOW_MS // 1000 - 600),
        hit={"v": "2"},
    )


def _visit(forwarder: Forwarder) -> Visit:
    return Visit(
        user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
        " Safari/537.36",
        address="203.0.113.0",
        country="NO",
        region="NO-03",
        cookies={cookie: _COOKIES.get(cookie, _ID) for cookie in forwarder.cookie_names()},
    )


def _state(signals: Signals) -> ConsentState:
    return ConsentState(signals, (Reason.GRANTED,) * 4, explicit=True)


def _fullest(forwarder: Forwarder, name: str, signals: Signals, click_ids: Mapping[str, str]) -> FullEvent:
    visit = _visit(forwarder)
    if click_ids is not _CLICK_IDS:
        visit.cookies = {}
    return reduce_full(
        clean(_event(name, frozenset(), click_ids)),
        visit,
        _state(signals),
        forwarder,
        derived=bytes(range(16)),
        session_start=_NOW_MS // 1000 - 600,
        host="shop.example",
    )


def _click_ids_in(url: str) -> list[str]:
    return [
        pair.partition("=")[0] for pair in url.partition("?")[2].split("&") if not pair.startswith("utm_")
    ]


# --- asking -----------------------------------------------------------------------------------------------------


def _sent(event: E, request: Callable[[E], Request], asked: Iterable[Field[Any]]) -> Iterator[str]:
    emptied: Any = {one.name: _EMPTY.get(one.name) for one in fields(event) if one.name in _OPTIONAL}
    beside = request(event)
    yield "name"  # every vendor is told what happened, be it as the number of a conversion
    for field in asked:
        own: Any = {field.name: getattr(event, field.name)}
        for label, changed in _changes(field.name, own[field.name]):
            other: Any = {field.name: changed}
            # Beside everything else, and alone: one field may be sent only where another is missing.
            if request(replace(event, **other)) != beside or (
                request(replace(event, **(emptied | other))) != request(replace(event, **(emptied | own)))
            ):
                yield label


def _changes(name: str, value: Any) -> Iterator[tuple[str, Any]]:  # of whichever kind the field is
    """Yield what a field can be changed to, under the name by which it is told."""
    if name in {"name", "explicit"} or value is None or value in ({}, []):
        return  # the one is always sent, the other a part of how the signals are told
    if name in {"ids", "contact"}:
        for key, text in value.items():
            yield f"{name}.{key}", value | {key: text[:-1] + ("0" if text[-1] != "0" else "1")}
    elif name == "hit":
        yield name, {}
    elif name == "signals":
        yield name, ALL_DENIED
        yield name, ALL_GRANTED
    else:
        yield name, _OTHER.get(name, f"{value}x")


def _place(label: str) -> tuple[int, str]:
    """Sort fields as an event lists them, click ids after the URL in which they stand."""
    name = label.partition(".")[0]
    return _ORDER["url" if name == "click_ids" else name], label if "." in label else ""
