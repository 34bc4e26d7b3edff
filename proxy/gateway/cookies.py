"""Cookies in, cookies out: the visitor's id, the refusal, and those of vendors that a forwarder declared."""

import re
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.consent import UNREADABLE, Refusal, Unreadable
from proxy.identity import REFUSAL_COOKIE, Visitor, parse_visitor, read_cookie, read_refusal, refusal_value
from proxy.remember import Remembered
from proxy.site import Site
from proxy.sources.heard import NOTHING, Heard, hear_cookies

REFUSAL_LIFE_S = 395 * 86_400
"""A refusal holds no id, so it may stand as long as a cookie may."""


@dataclass(slots=True, repr=False)
class Cookies:
    """What of a Cookie header concerns us.

    ``ids`` are the values of all id cookies that came, usable or not. ``heard`` is what the banner's cookies say.
    """

    visitor: Visitor | None = None
    refusal: Refusal | Unreadable | None = None
    vendor: dict[str, str] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()
    heard: Heard = NOTHING

    def named(self) -> list[Visitor]:
        """Return whom the id cookies name if there is no telling which is right, or one that is too old to be used."""
        if self.visitor is not None or not self.ids:
            return []
        return [visitor for text in sorted(self.ids)[:_MOST_NAMED] if (visitor := parse_visitor(text))]


_NONE = Cookies()
_MOST_NAMED = 4


def read_cookies(headers: list[str], site: Site, *, now_ms: int) -> Cookies:
    """Read the Cookie headers. Two ids or two refusals that differ make the visitor's state unreadable."""
    if not headers:
        return _NONE
    found = Cookies()
    ids, refusals, others = _sorted(headers, site, found.vendor)
    if others and site.cmp != "none":
        found.heard = hear_cookies(site.cmp, others, now_ms, site.cmp_names)
    if ids:
        found.ids = frozenset(ids)
        if len(ids) == 1:
            found.visitor = read_cookie(ids.pop(), now_s=now_ms // 1000, max_age_s=site.cookie.longest_s)
        else:
            found.refusal = UNREADABLE
    if len(refusals) == 1:
        found.refusal = found.refusal or read_refusal(refusals.pop(), now_ms=now_ms)
    elif refusals:
        found.refusal = UNREADABLE
    return found


def _sorted(
    headers: list[str], site: Site, vendor: dict[str, str]
) -> tuple[set[str], set[str], list[tuple[str, str]]]:
    """Return the values of our two cookies, and the cookies of others; those of vendors go into ``vendor``."""
    ours, wanted = site.cookie.name, site.cookie_names
    ids: set[str] = set()
    refusals: set[str] = set()
    others: list[tuple[str, str]] = []
    for pair in ";".join(headers).split(";"):
        name, _, value = pair.strip().partition("=")
        if name == ours:
            ids.add(value)
        elif name == REFUSAL_COOKIE:
            refusals.add(value)
        elif name not in wanted:
            others.append((name, value))
        elif value.isascii():
            vendor[name] = value.strip('"')
    return ids, refusals, others


_LOCAL = re.compile(r"(localhost|\[::1\]|127\.\d{1,3}\.\d{1,3}\.\d{1,3})(:\d+)?\Z")


def is_local(host: str) -> bool:
    """Tell whether a Host header names this very machine, where plain http is as good as https."""
    return _LOCAL.match(host) is not None


def _attributes(host: str) -> str:
    secure = "" if is_local(host) else "; Secure"
    return f"; Path=/; HttpOnly; SameSite=Lax{secure}"


def set_visitor(headers: CIMultiDict[str], site: Site, visitor: Visitor, life_s: int, host: str) -> None:
    """Set the id cookie, for ``life_s`` seconds from now."""
    headers.add(
        "Set-Cookie", f"{site.cookie.name}={visitor.cookie_value()}; Max-Age={life_s}{_attributes(host)}"
    )


def clear_visitor(headers: CIMultiDict[str], site: Site, host: str) -> None:
    """Take the id cookie away."""
    headers.add("Set-Cookie", f"{site.cookie.name}=; Max-Age=0{_attributes(host)}")


def set_refusal(headers: CIMultiDict[str], refusal: Refusal, host: str) -> None:
    """Remember a state that has no basis for an id."""
    value = refusal_value(refusal.signals, refusal.decided_at)
    headers.add("Set-Cookie", f"{REFUSAL_COOKIE}={value}; Max-Age={REFUSAL_LIFE_S}{_attributes(host)}")


def clear_refusal(headers: CIMultiDict[str], host: str) -> None:
    """Take the refusal cookie away."""
    headers.add("Set-Cookie", f"{REFUSAL_COOKIE}=; Max-Age=0{_attributes(host)}")


def keep(
    headers: CIMultiDict[str], site: Site, cookies: Cookies, remembered: Remembered, now_ms: int, host: str
) -> None:
    """Tell the browser what to keep: an id or a refusal, never both."""
    if remembered.visitor is not None:
        left = site.cookie.left_s(remembered.visitor.created, now_ms // 1000, consented=remembered.consented)
        set_visitor(headers, site, remembered.visitor, left, host)
        if cookies.refusal is not None:
            clear_refusal(headers, host)
    elif remembered.refusal is not None:
        set_refusal(headers, remembered.refusal, host)
        if cookies.ids:
            clear_visitor(headers, site, host)
