"""What is kept of the visits that brought a visitor, and when it may be used. Pure.

Kept are the first source, medium and campaign, and the newest click of each ad network: with the visitor's record, on
consent alone, for a limited time. A later conversion on another page is credited to them. See ADR 0023.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.campaign import MOST, Campaign
from proxy.clickids import CLICK_IDS, extract, valid
from proxy.signals import Signals, Value

_GRANTED, _DENIED = Value.GRANTED, Value.DENIED
_LONGEST_TIME: Final = 15
"""Digits of a Unix ms."""


@dataclass(frozen=True, slots=True, repr=False)
class Click:
    """A click id, and when the page was seen that it came with, Unix ms."""

    value: str
    at: int


_NO_CLICKS: Final[Mapping[str, Click]] = {}


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What is kept of a visitor. ``touched_at`` is when the first visit with a source was, Unix ms; ``host`` where."""

    touch: Campaign | None = None
    touched_at: int = 0
    host: str = ""
    clicks: Mapping[str, Click] = field(default_factory=dict)
    """By lower-case name."""

    def shown(self) -> dict[str, object] | None:
        """Return it as an export shows it; None: nothing is kept."""
        if self.touch is None and not self.clicks:
            return None
        touch = self.touch
        return {
            "first": None
            if touch is None
            else {
                "source": touch.source,
                "medium": touch.medium,
                "campaign": touch.campaign,
                "host": self.host,
                "at": self.touched_at,
            },
            "click_ids": {
                name: {"value": click.value, "at": click.at} for name, click in self.clicks.items()
            },
        }


NOTHING_KEPT: Final = Kept()


@dataclass(frozen=True, slots=True, repr=False)
class Credit:
    """What a conversion is credited to: the campaign, and click ids of earlier visits by name."""

    touch: Campaign | None = None
    clicks: Mapping[str, Click] = field(default_factory=dict)


NO_CREDIT: Final = Credit()


@dataclass(frozen=True, slots=True, repr=False)
class News:
    """What is to be kept besides, of a visit. Times are Unix ms, lives ms.

    ``oldest_ms``: what was kept at that time or before counts no more. ``touch`` None: nothing of it is to be kept.
    """

    oldest_ms: int
    at: int
    touch: Campaign | None
    host: str
    touch_life_ms: int
    clicks: Mapping[str, Click]
    clicks_life_ms: int


def network_of(name: str) -> str:
    """Return whose clicks an id counts: of one network the newest click is kept. Floodlight's are apart from search's."""
    return "floodlight" if name == "dclid" else CLICK_IDS[name]


def allowed(signals: Signals) -> tuple[bool, bool]:
    """Tell whether source, medium and campaign, and whether click ids, may be kept and used.

    The former need statistics granted: legitimate interest is not enough. The latter need ``ad_storage`` and
    ``ad_user_data`` granted, and statistics not denied.
    """
    statistics, storage, user_data, _ = signals.values()
    return (
        statistics is _GRANTED,
        storage is _GRANTED and user_data is _GRANTED and statistics is not _DENIED,
    )


def lasting(kept: Kept, now_ms: int, life_ms: int) -> Kept:
    """Return what of it is not too old: ``life_ms`` counts from each visit, and nothing prolongs it."""
    if kept is NOTHING_KEPT:
        return kept
    oldest = now_ms - life_ms
    clicks = {name: click for name, click in kept.clicks.items() if click.at > oldest}
    if kept.touch is None or kept.touched_at <= oldest:
        return Kept(clicks=clicks) if clicks else NOTHING_KEPT
    return Kept(kept.touch, kept.touched_at, kept.host, clicks)


def clicks_in(url: str | None, stated: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    """Return the click ids of an event, of those names: of its page's address, or that the page named itself."""
    found = extract(url) if url and "?" in url else {}
    if stated:
        found |= {name: value for name, value in stated.items() if name in names and valid(name, value)}
    return {name: value for name, value in found.items() if name in names}


def new_clicks(kept: Mapping[str, Click], clicks: Mapping[str, str], at: int) -> dict[str, Click]:
    """Return those of an event's click ids that are to be kept: of a newer click than the network's that is kept.

    A page that is seen again with the same id is no new click.
    """
    found: dict[str, Click] = {}
    for network in {network_of(name) for name in clicks}:
        own = {name: value for name, value in clicks.items() if network_of(name) == network}
        known = {name: click for name, click in kept.items() if network_of(name) == network}
        same = any(name in known and known[name].value == value for name, value in own.items())
        if not same and all(click.at < at for click in known.values()):
            found |= {name: Click(value, at) for name, value in own.items()}
    return found


def ids_of(network: str) -> tuple[str, ...]:
    """Return the names of all click ids of one network."""
    return tuple(name for name in CLICK_IDS if network_of(name) == network)


def with_clicks(kept: Mapping[str, Click], new: Mapping[str, Click]) -> dict[str, Click]:
    """Return the clicks that are kept afterwards: a new one takes the place of all of its network's."""
    networks = {network_of(name) for name in new}
    return {name: click for name, click in kept.items() if network_of(name) not in networks} | dict(new)


def beside(clicks: Mapping[str, Click], own: Iterable[str], names: frozenset[str]) -> Mapping[str, Click]:
    """Return the kept clicks of those networks of which an event brings no id itself: its own page wins.

    ``names`` are the ids that count as one; Google leaves others in its own links, which name no click.
    """
    if not clicks:
        return _NO_CLICKS
    networks = {network_of(name) for name in own if name in names}
    return {name: click for name, click in clicks.items() if network_of(name) not in networks}


def read_kept(fields: list[bytes]) -> Kept:
    """Read the stored fields, names and values in turn; what the published format does not allow is not there."""
    if not fields:
        return NOTHING_KEPT
    written = {
        name.decode("ascii", "replace"): value.decode("utf-8", "replace")
        for name, value in zip(fields[::2], fields[1::2], strict=True)
    }
    clicks: dict[str, Click] = {}
    for name, text in written.items():
        if name in CLICK_IDS:
            at, _, value = text.partition(" ")
            if _is_time(at) and valid(name, value):
                clicks[name] = Click(value, int(at))
    at, host = written.get("at", ""), written.get("host", "")
    texts = [written.get(name, "") for name in ("source", "medium", "campaign")]
    if (
        not _is_time(at)
        or not any(texts)
        or any(len(text) > MOST or not text.isprintable() for text in texts)
    ):
        return Kept(clicks=clicks) if clicks else NOTHING_KEPT
    return Kept(Campaign(*texts), int(at), host[:MOST], clicks)


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_TIME
