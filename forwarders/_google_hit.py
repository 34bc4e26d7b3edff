"""A hit of Google's own tag (gtag.js): what of it is known, what may stay of it, and how it goes on to Google. Pure.

Google does not document its web protocol (``/g/collect``); these are the parameters that its tag was seen to send. Only
those that are listed here go on, each only in its own shape: whatever else a tag or a stranger writes stays behind. Consent
is stated anew from what counts as the visitor's consent, ids and content come from the reduced event.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from forwarders import _ga_limits as limits
from forwarders._consent_mode import CONSENT_KEYS, consent_pairs
from forwarders._google_ping import item_pairs, number_text
from forwarders._gtag import hashes_in
from forwarders._measurement_protocol import allows_click_ids, page_url
from forwarders.base import Json, Request
from proxy.event import FullEvent, Scalar
from proxy.scrub import scrub_text
from proxy.signals import AD_SIGNALS, Signal, Signals, Value
from proxy.sources.consent_mode import read as read_consent_mode

_TEXT: Final = "text"
_VERSIONS: Final = "versions"
_HASHES: Final = "hashes"
_GCD: Final = "gcd"

_SHAPES: Final[Mapping[str, str]] = {
    "v": "2",
    # The page load and the session.
    "gtm": r"[0-9A-Za-z~_.-]{1,100}",
    "_p": r"[0-9]{1,20}",
    "_s": r"[0-9]{1,6}",
    "sct": r"[0-9]{1,6}",
    "seg": r"[01]",
    "_fv": r"[12]",
    "_ss": r"[12]",
    "_nsi": r"[12]",
    "frm": r"[0-9]",
    "_eu": r"[A-Za-z]{1,32}",
    "tfd": r"[0-9]{1,12}",
    "ngs": r"[01]",
    "_rdi": r"[01]",
    # The browser, by its client hints.
    "uaa": r"[0-9A-Za-z_]{1,16}",
    "uab": r"32|64",
    "uafvl": _VERSIONS,
    "uamb": r"[01]",
    "uam": _TEXT,
    "uap": r"[0-9A-Za-z ]{1,32}",
    "uapv": _VERSIONS,
    "uaw": r"[01]",
    # The event.
    "_c": r"1",
    "_ee": r"1",
    "_et": r"[0-9]{1,9}",
    "_dbg": r"[0-9]",
    "ir": r"1",
    "tt": r"[a-z_]{1,32}",
    # The campaign, where the site states it itself.
    "cs": _TEXT,
    "cm": _TEXT,
    "cn": _TEXT,
    "cc": _TEXT,
    "ck": _TEXT,
    "ci": _TEXT,
    # What stands on the ad signals: see ``_NEEDS``.
    "auid": r"[0-9]{1,12}\.[0-9]{1,12}",
    "_gaz": r"[01]",
    "_gsid": r"[0-9A-Za-z_-]{1,64}",
    "em": _HASHES,
    "ec_mode": r"[a-z]{1,2}",
    "ecid": r"[0-9]{1,20}",
    "_ecid": r"[0-9]{1,20}",
    # How consent came about; without the defaults of a container, which only Google can read.
    _GCD: r"1(?:[123][A-Za-z_-]){4}[1567](?:l1)?",
}
_ADS: Final = (Signal.AD_STORAGE, Signal.AD_USER_DATA)
_NEEDS: Final[Mapping[str, tuple[Signal, ...]]] = {
    "auid": _ADS,
    "_gaz": AD_SIGNALS,
    "_gsid": AD_SIGNALS,
    **dict.fromkeys(("em", "ec_mode", "ecid", "_ecid"), (Signal.AD_USER_DATA,)),
}
_EVENT_LEVEL: Final = ("_c", "_ee", "_et", "_dbg")
_REQUEST_LEVEL: Final = tuple(name for name in _SHAPES if name not in {*_EVENT_LEVEL, "v", _GCD})
_PATTERNS: Final = {name: re.compile(shape) for name, shape in _SHAPES.items()}
_MOST_TEXT: Final = 100
_MOST_VERSIONS: Final = 400
_VERSION_LIST: Final = re.compile(r"[0-9A-Za-z %.;|()_?,/&=+-]+")
# What could be read as an IPv4 address, but for versions that already look as if truncated.
_QUAD: Final = re.compile(r"(?<![0-9.])([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.[0-9]{1,3}(?!\.?[0-9])")

_PROMOTION: Final = {
    "promotion_id": "pi",
    "promotion_name": "pn",
    "location_id": "lo",
    "creative_name": "cn",
    "creative_slot": "cs",
}
PROMOTION_EVENTS: Final = frozenset({"view_promotion", "select_promotion"})
"""Events in which ``cn`` and ``cs`` are a creative's name and slot; in all others they are a campaign's name and source."""

HIT_KEYS: Final = (
    frozenset(_SHAPES)
    | CONSENT_KEYS
    | frozenset(_PROMOTION.values())
    | frozenset("tid cid sid uid dl dr dt ul sr en cu _uip ep.* epn.* up.* upn.* pr*".split())
)
"""Every query key that a hit may have on its way to Google."""

_LONGEST: Final = 8000
"""Characters of an encoded query; a longer one has its event in the body, as gtag writes several."""
_ITEM_ROOM: Final = 90_000
_WIDEST: Final = 12  # a character in percent-encoding


def shaped(name: str, value: str) -> str | None:
    """Return a parameter's value as it may be kept; None for one that is not known, or not in its shape."""
    shape = _SHAPES.get(name)
    if shape is None or not value:
        return None
    if shape is _TEXT:
        return scrub_text(value[:_MOST_TEXT]) if value.isprintable() else None
    if shape is _VERSIONS:
        return _versions(value)
    if shape is _HASHES:
        return _hashes(value)
    return value if _PATTERNS[name].fullmatch(value) else None


@lru_cache(maxsize=1024)
def _versions(value: str) -> str | None:
    """Return browsers and their versions, which many visitors have in common; of a version that could be an address, the last part is 0."""
    if len(value) > _MOST_VERSIONS or not _VERSION_LIST.fullmatch(value):
        return None
    value = _QUAD.sub(r"\1.0", value)
    return value if scrub_text(value) == value else None


def _hashes(value: str) -> str | None:
    """Return hashes of e-mail and phone; a postal address is dropped, as Google takes parts of it unhashed."""
    hashes = hashes_in(value)
    return "~".join(["tv.1", *hashes]) if hashes else None


def allowed(hit: Mapping[str, str], signals: Signals) -> dict[str, str]:
    """Return what of a hit's parameters these signals allow Google Analytics to have."""
    if signals.all_granted():
        return dict(hit)
    return {
        name: value
        for name, value in hit.items()
        if name not in _NEEDS or all(signals.granted(signal) for signal in _NEEDS[name])
    }


def hit_request(event: FullEvent, hit: Mapping[str, str], measurement_id: str, host: str) -> Request:
    """Write a hit as gtag does: all in the query of a POST; where that gets too long, the event in the body.

    Args:
        event: the reduced event.
        hit: what ``allowed`` returned of its hit.
        measurement_id: the data stream.
        host: of Google Analytics.
    """
    shared = _request_part(event, hit, measurement_id)
    own = _event_part(event, hit)
    request = Request("POST", f"https://{host}/g/collect", authenticated=False)
    if event.user_agent:
        request.headers["User-Agent"] = event.user_agent
    if _too_long([*shared, *own]):
        request.query, request.text = (
            shared,
            "&".join([f"{_quoted(key)}={_quoted(text)}" for key, text in own]),
        )
    else:
        request.query = shared + own
    return request


def _request_part(event: FullEvent, hit: Mapping[str, str], measurement_id: str) -> list[tuple[str, str]]:
    signals = event.signals
    pairs = [("v", "2"), ("tid", measurement_id)]
    pairs += _consent_pairs(event, hit.get(_GCD, ""))
    pairs.append(("cid", event.ids["client_id"]))
    if session := event.ids.get("session_id"):
        pairs.append(("sid", session))
    pairs += [(name, hit[name]) for name in _REQUEST_LEVEL if name in hit]
    keep = allows_click_ids(signals)
    for key, value, longest in (
        ("dl", event.url and page_url(event.url, keep_click_ids=keep), limits.MAX_URL),
        ("dr", event.referrer and page_url(event.referrer, keep_click_ids=keep), limits.MAX_REFERRER),
        ("dt", event.title, limits.MAX_TITLE),
        ("ul", event.language and event.language.lower(), 35),
        ("sr", event.screen, 11),
        ("_uip", event.address, 45),
    ):
        if value:
            pairs.append((key, value[:longest]))
    if signals.all_granted():
        if event.user_id:
            pairs.append(("uid", event.user_id[:256]))
        for name, held in limits.good_properties(event.user_properties).items():
            pairs.append(_typed("up", name, held["value"]))
    return pairs


def _consent_pairs(event: FullEvent, said: str) -> list[tuple[str, str]]:
    """Return what counts as the visitor's consent; in the tag's own words (``gcd``) where those come to the same."""
    pairs = consent_pairs(event.signals, explicit=event.explicit, country=event.country)
    own = said and _comes_to(said)
    return [(key, said if key == _GCD and own == event.signals else text) for key, text in pairs]


@lru_cache(maxsize=256)
def _comes_to(said: str) -> Signals | None:
    """Return what a ``gcd`` says of all four signals; None if it leaves any to what Google presumes."""
    signals = read_consent_mode(None, said).signals
    return None if Value.UNKNOWN in signals.values() else signals


def _event_part(event: FullEvent, hit: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = [("en", event.name)]
    pairs += [(name, hit[name]) for name in _EVENT_LEVEL if name in hit]
    if event.currency:
        pairs.append(("cu", event.currency))
    params: dict[str, Json] = {}
    if event.value is not None:
        params["value"] = event.value
    if event.transaction_id:
        params["transaction_id"] = event.transaction_id[: limits.MAX_TEXT]
    limits.add_params(params, event.params)
    if "_et" in hit:
        params.pop("engagement_time_msec", None)
    for name, value in params.items():
        code = _PROMOTION.get(name)
        if code is not None and (event.name in PROMOTION_EVENTS or code not in _SHAPES):
            pairs.append((code, str(value)))
        else:
            pairs.append(_typed("ep", name, value))
    return pairs + item_pairs(
        limits.good_items(event.items), max_text=limits.MAX_TEXT, room=_ITEM_ROOM, extras=True
    )


def _typed(prefix: str, name: str, value: Scalar) -> tuple[str, str]:
    """Return a free parameter as ``ep.name``, a number as ``epn.name``; user properties likewise."""
    if isinstance(value, bool):
        return f"{prefix}.{name}", "true" if value else "false"
    if isinstance(value, str):
        return f"{prefix}.{name}", value
    return f"{prefix}n.{name}", number_text(value)


def _too_long(pairs: list[tuple[str, str]]) -> bool:
    # Only what might be too long is encoded to find out.
    if sum(_WIDEST * len(value) + len(key) + 2 for key, value in pairs) <= _LONGEST:
        return False
    return sum(len(_quoted(value)) + len(key) + 2 for key, value in pairs) > _LONGEST


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
