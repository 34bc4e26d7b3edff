"""Names of what an event may hold, each with a bit of its own, so that a set of them is one number. Pure.

The audit trail says by these names what a forwarder was given and what was kept from it. A bit never changes its
meaning; a new name goes to the end.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from proxy.event import CookielessEvent, Event, FullEvent, Visit

NAMES: Final = (
    "event_id",
    "name",
    "time_ms",
    "url",
    "referrer",
    "title",
    "params",
    "items",
    "value",
    "currency",
    "transaction_id",
    "user_agent",
    "language",
    "screen",
    "address",
    "country",
    "region",
    "ids",
    "contact",
    "user_id",
    "user_properties",
    "signals",
    "explicit",
    "random_id",
    "click_ids",
    "visitor",
    "session_id",
    "hit",
)
"""Those of ``FullEvent`` and ``CookielessEvent``, and what never goes out by itself: click ids (of the page's URL, or
named by the page), the visitor's id, the page's own session id."""
BIT: Final = {name: 1 << place for place, name in enumerate(NAMES)}
CLICK_IDS: Final = BIT["click_ids"]
_ALWAYS: Final = BIT["event_id"] | BIT["name"] | BIT["time_ms"]
_URL, _REFERRER, _TITLE, _PARAMS, _ITEMS = (
    BIT[name] for name in ("url", "referrer", "title", "params", "items")
)
_VALUE, _CURRENCY, _TRANSACTION_ID, _USER_ID, _USER_PROPERTIES, _SCREEN, _SESSION_ID = (
    BIT[name]
    for name in (
        "value",
        "currency",
        "transaction_id",
        "user_id",
        "user_properties",
        "screen",
        "session_id",
    )
)
_CONTACT, _IDS, _LANGUAGE, _VISITOR = BIT["contact"], BIT["ids"], BIT["language"], BIT["visitor"]
_HIT: Final = BIT["hit"]
_USER_AGENT, _ADDRESS, _COUNTRY, _REGION = (
    BIT[name] for name in ("user_agent", "address", "country", "region")
)
_OF_FULL: Final = tuple((name, BIT[name]) for name in FullEvent.__slots__)
_OF_COOKIELESS: Final = tuple((name, BIT[name]) for name in CookielessEvent.__slots__)
_EMPTY: Final[tuple[object, ...]] = ("", {}, [])


def names_of(mask: int) -> list[str]:
    """Return the names in a set, in their order."""
    return [name for name, bit in BIT.items() if mask & bit]


@lru_cache(maxsize=4096)
def mask_of(names: tuple[str, ...]) -> int:
    """Return a set of names as a number; there are few different ones, so that each is worked out once."""
    mask = 0
    for name in names:
        mask |= BIT[name]
    return mask


def filled(event: FullEvent | CookielessEvent) -> int:
    """Return which fields of a reduced event are filled."""
    mask = 0
    for name, bit in _OF_FULL if isinstance(event, FullEvent) else _OF_COOKIELESS:
        value = getattr(event, name)
        if value is not None and value not in _EMPTY:
            mask |= bit
    return mask


def reported(event: Event, visit: Visit, *, visitor: bool, click_ids: bool) -> int:  # noqa: C901, PLR0912  # each is one line, and this is the hot path
    """Return which fields an event had when it came, the request around it included."""
    mask = _ALWAYS
    if event.url:
        mask |= _URL
    if event.referrer:
        mask |= _REFERRER
    if event.title:
        mask |= _TITLE
    if event.params:
        mask |= _PARAMS
    if event.items:
        mask |= _ITEMS
    if event.value is not None:
        mask |= _VALUE
    if event.currency:
        mask |= _CURRENCY
    if event.transaction_id:
        mask |= _TRANSACTION_ID
    if event.user_id:
        mask |= _USER_ID
    if event.user_properties:
        mask |= _USER_PROPERTIES
    if event.screen:
        mask |= _SCREEN
    if event.session_id:
        mask |= _SESSION_ID
    if event.user_data is not None:
        mask |= _CONTACT
    if event.ids or visit.cookies or event.client_id is not None:
        mask |= _IDS
    if event.language or visit.language:
        mask |= _LANGUAGE
    if click_ids:
        mask |= CLICK_IDS
    if visitor:
        mask |= _VISITOR
    if visit.user_agent:
        mask |= _USER_AGENT
    if visit.address is not None:
        mask |= _ADDRESS
    if visit.country is not None:
        mask |= _COUNTRY
    if visit.region is not None:
        mask |= _REGION
    if event.hit is not None:
        mask |= _HIT
    return mask


def details(ids: Mapping[str, str], contact: Mapping[str, str]) -> str:
    """Return by name which vendor ids and contact hashes a full event holds: ``fbp,external_id;em,ph``."""
    return f"{','.join(ids)};{','.join(contact)}" if ids or contact else ""
