"""Cookies in, cookies out: the visitor's id, the refusal, and those of vendors that a forwarder declared."""

import re
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.consent import UNREADABLE, Refusal, Unreadable
from proxy.identity import REFUSAL_COOKIE, Visitor, parse_visitor, read_cookie, read_refusal, refusal_value
from proxy.site import Site

REFUSAL_LIFE_S = 395 * 86_400
"""A refusal holds no id, so it may stand as long as a cookie may."""


@dataclass(slots=True, repr=False)
class Cookies:
    """What of a Cookie header concerns us. ``ids`` are the values of all id cookies that came, usable or not."""

    visitor: Visitor | None = None
    refusal: Refusal | Unreadable | None = None
    vendor: dict[str, str] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()

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
    ours = site.cookie.name
    found = Cookies()
    ids: set[str] = set()
    refusals: set[str] = set()
    for pair in ";".join(headers).split(";"):
        name, _, value = pair.strip().partition("=")
        if name == ours:
            ids.add(value)
        elif name == REFUSAL_COOKIE:
            refusals.add(value)
        elif name in site.cookie_names and value.isascii():
            found.vendor[name] = value.strip('"')
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
